//! The arguments of the attributes.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Token};

use super::words::{duration, suggestion, text};
use crate::errors::Errors;
use crate::model::{Arguments, Scope};

const KNOWN: [&str; 7] = ["timeout", "retries", "serial", "tags", "covers", "ignore", "workflow"];

/// Reads the arguments of `#[integration_test(...)]`.
pub(super) fn test(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    let mut arguments = Arguments::default();
    for (name, meta) in named(tokens, errors) {
        match name.to_string().as_str() {
            "timeout" => {
                let example = "timeout = \"10s\"";
                arguments.timeout = value(&meta, example, errors).and_then(|value| duration(&value, example, errors));
            }
            "retries" => {
                let example = "retries = 2";
                arguments.retries = value(&meta, example, errors).and_then(|value| number(&value, errors));
            }
            "serial" => {
                arguments.serial = match &meta {
                    Meta::Path(_) => Some(String::new()),
                    meta => value(meta, "serial = \"key\"", errors)
                        .and_then(|value| text(&value, "serial = \"key\"", errors))
                        .map(|key| key.value()),
                }
            }
            "tags" => arguments.tags = tags(&meta, errors),
            "covers" => arguments.covers = texts(&meta, "covers(\"POST /orders\")", errors),
            "ignore" => {
                let example = "ignore = \"reason\"";
                arguments.ignore = value(&meta, example, errors).and_then(|value| text(&value, example, errors));
            }
            "workflow" => {
                if !matches!(meta, Meta::Path(_)) {
                    errors.at(&meta, "`workflow` takes no value");
                }
                arguments.workflow = Some(name);
            }
            unknown => errors.at(&name, format_args!("unknown argument `{unknown}`; {}", suggestion(unknown, &KNOWN))),
        }
    }
    arguments
}

/// Reads the arguments of `#[fixture(...)]`.
pub(super) fn fixture(tokens: TokenStream, errors: &mut Errors) -> Scope {
    let mut scope = Scope::Test;
    for (name, meta) in named(tokens, errors) {
        let word = name.to_string();
        if word != "scope" {
            errors.at(&name, format_args!("unknown argument `{word}`; {}", suggestion(&word, &["scope"])));
            continue;
        }
        let example = "scope = \"worker\"";
        let Some(text) = value(&meta, example, errors).and_then(|value| text(&value, example, errors)) else {
            continue;
        };
        match text.value().as_str() {
            "test" => scope = Scope::Test,
            "worker" => scope = Scope::Worker,
            "session" => {
                errors.at(text, "session scope is not there yet; `scope = \"worker\"` makes one value a process")
            }
            other => {
                let message = format!("unknown scope `{other}`; {}", suggestion(other, &["test", "worker"]));
                errors.at(text, message);
            }
        }
    }
    scope
}

/// Splits at commas and refuses names that stand twice.
fn named(tokens: TokenStream, errors: &mut Errors) -> Vec<(Ident, Meta)> {
    let metas = match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(metas) => metas,
        Err(error) => {
            errors.push(error);
            return Vec::new();
        }
    };
    let mut found: Vec<(Ident, Meta)> = Vec::new();
    for meta in metas {
        let Some(name) = meta.path().get_ident().cloned() else {
            errors.at(meta.path(), "expected the name of an argument");
            continue;
        };
        if found.iter().any(|(earlier, _)| *earlier == name) {
            errors.at(&name, format_args!("`{name}` stands here twice; remove one"));
            continue;
        }
        found.push((name, meta));
    }
    found
}

/// What stands behind the `=`.
fn value(meta: &Meta, example: &str, errors: &mut Errors) -> Option<Expr> {
    match meta {
        Meta::NameValue(pair) => Some(pair.value.clone()),
        other => {
            errors.at(other, format_args!("expected a value, as in `{example}`"));
            None
        }
    }
}

fn number(value: &Expr, errors: &mut Errors) -> Option<u32> {
    let parsed = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    };
    if parsed.is_none() {
        errors.at(value, "expected a whole number, as in `retries = 2`");
    }
    parsed
}

/// The string literals in `name("a", "b")`.
fn texts(meta: &Meta, example: &str, errors: &mut Errors) -> Vec<LitStr> {
    let Meta::List(list) = meta else {
        errors.at(meta, format_args!("expected a list, as in `{example}`"));
        return Vec::new();
    };
    match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(values) if values.is_empty() => {
            errors.at(&list.path, format_args!("the list is empty; write `{example}` or remove it"));
            Vec::new()
        }
        Ok(values) => values.iter().filter_map(|value| text(value, example, errors)).collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

fn tags(meta: &Meta, errors: &mut Errors) -> Vec<LitStr> {
    let tags = texts(meta, "tags(\"payments\", \"slow\")", errors);
    for tag in &tags {
        let word = tag.value();
        let is_operator = ["and", "or", "not"].contains(&word.as_str());
        if word.is_empty() || is_operator || word.contains(|c: char| c.is_whitespace() || "()!&|".contains(c)) {
            errors.at(tag, "a tag is one word without blanks or any of `( ) ! & |`, and not `and`, `or`, `not`");
        }
    }
    tags
}
