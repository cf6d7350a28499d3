//! Parses texts and durations in arguments, and suggests known words.

use std::time::Duration;

use syn::{Expr, ExprLit, Lit, LitStr, Meta};

use crate::errors::Errors;
use crate::invisible::without_group;

/// Parses a string literal.
pub(super) fn text(value: &Expr, example: &str, errors: &mut Errors) -> Option<LitStr> {
    if let Some(Lit::Str(text)) = literal(value) {
        return Some(text.clone());
    }
    errors.at(value, format_args!("expected a string literal, as in `{example}`"));
    None
}

/// The literal in an expression. It may be in an invisible group of `macro_rules!`.
pub(super) fn literal(value: &Expr) -> Option<&Lit> {
    match without_group(value) {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

/// The value after the `=`.
pub(super) fn value(meta: &Meta, example: &str, errors: &mut Errors) -> Option<Expr> {
    match meta {
        Meta::NameValue(pair) => Some(pair.value.clone()),
        other => {
            errors.at(other, format_args!("expected a value, as in `{example}`"));
            None
        }
    }
}

/// Parses a string literal that is not empty.
pub(super) fn words(value: &Expr, example: &str, errors: &mut Errors) -> Option<LitStr> {
    let text = text(value, example, errors)?;
    if text.value().trim().is_empty() {
        errors.at(text, format_args!("this text is empty; write words, as in `{example}`"));
        return None;
    }
    Some(text)
}

/// Parses a duration in a string literal.
pub(super) fn duration(value: &Expr, example: &str, errors: &mut Errors) -> Option<Duration> {
    let text = text(value, example, errors)?;
    match humantime::parse_duration(&text.value()) {
        Ok(duration) if !duration.is_zero() => Some(duration),
        Ok(_) => {
            errors.at(text, "a time limit of zero always fails; write a longer one or remove it");
            None
        }
        Err(_) => {
            errors.at(text, format_args!("expected a length of time with its unit, as in `{example}`"));
            None
        }
    }
}

/// The end of a message about an unknown word: the most similar known word, or all known words.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    let likely = known
        .iter()
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match (likely, known) {
        (Some((_, likely)), _) => format!("did you mean `{likely}`?"),
        (None, [only]) => format!("the only one known is `{only}`"),
        (None, known) => {
            let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
            format!("known are {}", known.join(", "))
        }
    }
}
