//! Small questions about tokens, and attributes that do not belong.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Path, Type};

use crate::errors::Errors;

/// A string literal, or a complaint about what stands there.
pub(super) fn text(value: &Expr, example: &str, errors: &mut Errors) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        other => {
            errors.at(other, format_args!("expected a string literal, as in `{example}`"));
            None
        }
    }
}

/// A length of time in a string literal.
pub(super) fn duration(value: &Expr, example: &str, errors: &mut Errors) -> Option<Duration> {
    let text = text(value, example, errors)?;
    match humantime::parse_duration(&text.value()) {
        Ok(duration) if !duration.is_zero() => Some(duration),
        Ok(_) => {
            errors.at(text, "a budget of nothing can never be kept");
            None
        }
        Err(_) => {
            errors.at(text, format_args!("expected a length of time with its unit, as in `{example}`"));
            None
        }
    }
}

/// The known word most like an unknown one, as the end of a message.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    let likely = known
        .iter()
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match likely {
        Some((_, likely)) => format!("did you mean `{likely}`?"),
        None => format!("known are {}", known.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Numbers, texts and collections: a value of such a type is data, not a thing that a test asks for.
pub(super) fn is_plain_type(path: &Path) -> bool {
    const PLAIN: [&str; 24] = [
        "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
        "isize", "f32", "f64", "Vec", "Option", "HashMap", "BTreeMap", "HashSet", "Duration",
    ];
    path.segments.last().is_some_and(|last| PLAIN.iter().any(|plain| last.ident == plain))
}

/// A type as it would be written.
pub(super) fn source_text(tokens: &Type) -> String {
    let text = tokens.to_token_stream().to_string();
    [(" :: ", "::"), (" < ", "<"), (" >", ">"), ("& ", "&"), ("( ", "("), (" )", ")"), (" ,", ",")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

/// Attributes of other test frameworks, which would run the function a second time or not at all.
pub(super) fn refuse_foreign_attributes(attributes: &mut Vec<Attribute>, errors: &mut Errors) {
    attributes.retain(|attribute| {
        let path = attribute.path();
        let last = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let complaint = match last.as_str() {
            "test" | "test_case" | "rstest" => "would run this function a second time; remove it: itest runs it",
            "integration_test" => "stands here twice; remove one",
            "fixture" => "and `#[integration_test]` exclude each other: a function is a fixture or a test",
            "ignore" => "is an argument here: `#[integration_test(ignore = \"reason\")]`",
            "should_panic" => "is not supported: assert on the error, or on `std::panic::catch_unwind`",
            "timeout" | "tags" | "serial" | "retries" => "is an argument here: `#[integration_test(…)]`",
            "arrange" | "act" | "assert" => "marks a statement in the body, not the function",
            _ => return true,
        };
        let written: TokenStream = path.to_token_stream();
        errors.at(path, format_args!("`#[{}]` {complaint}", written.to_string().replace(' ', "")));
        false
    });
}
