//! Parses the arguments of the attributes.

use std::time::Duration;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Ident, Lit, LitStr, Meta, Token};

use super::conditions::NO_CASES;
use super::words::{duration, literal, suggestion, text, value, words};
use super::{points, runtime};
use crate::errors::Errors;
use crate::model::{Arguments, Scope};

const TIMEOUT: &str = "timeout = \"10s\"";
const SCOPE: &str = "scope = \"worker\"";

/// Reads the arguments of `#[integration_test(...)]`.
pub(super) fn test(tokens: TokenStream, errors: &mut Errors) -> Arguments {
    const KNOWN: [&str; 11] = [
        "timeout",
        "retries",
        "serial",
        "tags",
        "covers",
        "ignore",
        "workflow",
        "threads",
        "flavor",
        "start_paused",
        "crate",
    ];
    let mut arguments = Arguments::default();
    for (name, meta) in named(tokens, TIMEOUT, errors) {
        match name.as_str() {
            "timeout" => {
                arguments.timeout = value(&meta, TIMEOUT, errors).and_then(|value| duration(&value, TIMEOUT, errors));
            }
            "retries" => {
                arguments.retries = value(&meta, "retries = 2", errors).and_then(|value| number(&value, errors));
            }
            "serial" => {
                let example = "serial = \"key\"";
                arguments.serial = match &meta {
                    Meta::Path(_) => Some(String::new()),
                    meta => value(meta, example, errors)
                        .and_then(|value| words(&value, example, errors))
                        .map(|key| key.value()),
                }
            }
            "tags" => arguments.tags = tags(&meta, errors),
            "covers" => arguments.covers = covers(&meta, errors),
            "ignore" => {
                let example = "ignore = \"reason\"";
                arguments.ignore = value(&meta, example, errors).and_then(|value| words(&value, example, errors));
            }
            "workflow" => {
                if !matches!(meta, Meta::Path(_)) {
                    errors.at(&meta, "`workflow` takes no value; write the word alone");
                }
                arguments.workflow = meta.path().get_ident().cloned();
            }
            "threads" => arguments.runtime.threads = runtime::threads(&meta, errors),
            "flavor" => arguments.runtime.flavor = Some(runtime::flavor(&meta, errors)),
            "start_paused" => arguments.runtime.start_paused = runtime::start_paused(&meta, errors),
            NO_CASES => arguments.has_no_cases = true,
            "worker_threads" => errors.at(meta.path(), "unknown argument `worker_threads`; did you mean `threads`?"),
            unknown => {
                let message = format!("unknown argument `{unknown}`; {}", suggestion(unknown, &KNOWN));
                errors.at(meta.path(), message);
            }
        }
    }
    arguments
}

/// Reads the arguments of `#[invariant(...)]`: the time limit.
pub(super) fn invariant(tokens: TokenStream, errors: &mut Errors) -> Option<Duration> {
    let mut timeout = None;
    for (name, meta) in named(tokens, TIMEOUT, errors) {
        match name.as_str() {
            "timeout" => {
                timeout = value(&meta, TIMEOUT, errors).and_then(|value| duration(&value, TIMEOUT, errors));
            }
            unknown => {
                let hint = suggestion(unknown, &["timeout", "crate"]);
                errors.at(meta.path(), format_args!("unknown argument `{unknown}`; {hint}"));
            }
        }
    }
    timeout
}

/// Rejects arguments of `#[teardown]`, which has none.
pub(super) fn teardown(tokens: TokenStream, errors: &mut Errors) {
    if !tokens.is_empty() {
        errors.at(tokens, "`#[teardown]` takes no arguments; what the function needs to know is its parameter");
    }
}

/// Reads the arguments of `#[fixture(...)]`.
pub(super) fn fixture(tokens: TokenStream, errors: &mut Errors) -> Scope {
    let mut result = Scope::Test;
    for (name, meta) in named(tokens, SCOPE, errors) {
        match name.as_str() {
            "scope" => result = scope(&meta, errors),
            "test" | "worker" | "session" => {
                errors.at(meta, format_args!("a scope is written `scope = \"{name}\"`"));
                result = Scope::Invalid;
            }
            unknown => {
                let message = format!("unknown argument `{unknown}`; {}", suggestion(unknown, &["scope"]));
                errors.at(meta.path(), message);
                // The unknown argument may be a misspelt `scope`.
                result = if matches!(result, Scope::Test) { Scope::Invalid } else { result };
            }
        }
    }
    result
}

fn scope(meta: &Meta, errors: &mut Errors) -> Scope {
    let Some(text) = value(meta, SCOPE, errors).and_then(|value| text(&value, SCOPE, errors)) else {
        return Scope::Invalid;
    };
    match text.value().as_str() {
        "test" => return Scope::Test,
        "worker" => return Scope::Worker,
        "session" => return Scope::Session,
        other => {
            let message = format!("unknown scope `{other}`; {}", suggestion(other, &["test", "worker", "session"]));
            errors.at(text, message);
        }
    }
    Scope::Invalid
}

/// Splits the arguments at the commas and rejects duplicate names.
fn named(tokens: TokenStream, example: &str, errors: &mut Errors) -> Vec<(String, Meta)> {
    let mut metas = Vec::new();
    let read = |input: ParseStream| {
        while !input.is_empty() {
            match argument(input, example) {
                Ok(meta) => metas.push(meta),
                Err(error) => errors.push(error),
            }
            if input.parse::<Option<Token![,]>>()?.is_none() && !input.is_empty() {
                errors.push(input.error("expected `,` between two arguments"));
            }
        }
        Ok(())
    };
    if let Err(error) = read.parse2(tokens) {
        errors.push(error);
    }
    let mut arguments: Vec<(String, Meta)> = Vec::new();
    for meta in metas {
        let name = meta.path().to_token_stream().to_string().replace(' ', "");
        if arguments.iter().any(|(earlier, _)| *earlier == name) {
            errors.at(meta.path(), format_args!("`{name}` stands here twice; remove one"));
        } else {
            arguments.push((name, meta));
        }
    }
    arguments
}

/// Parses one argument. An invalid argument is skipped up to the next comma.
fn argument(input: ParseStream, example: &str) -> syn::Result<Meta> {
    let begins_with_name = input.peek(Ident::peek_any) || input.peek(Token![::]);
    if begins_with_name && input.fork().parse::<Meta>().is_ok() {
        return input.parse();
    }
    let mut skipped = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        skipped.extend([input.parse::<TokenTree>()?]);
    }
    if skipped.is_empty() {
        return Err(input.error("nothing stands before this comma; remove it"));
    }
    let message =
        if begins_with_name { "no value that can be read stands here" } else { "an argument begins with its name" };
    Err(syn::Error::new_spanned(skipped, format_args!("{message}; write `{example}`")))
}

fn number(value: &Expr, errors: &mut Errors) -> Option<u32> {
    let Some(Lit::Int(digits)) = literal(value).filter(|literal| literal.suffix().is_empty()) else {
        errors.at(value, "expected a whole number, as in `retries = 2`");
        return None;
    };
    let number = digits.base10_parse().ok();
    if number.is_none() {
        errors.at(digits, format_args!("expected a whole number from 0 to {}, as in `retries = 2`", u32::MAX));
    }
    number
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

fn covers(meta: &Meta, errors: &mut Errors) -> Vec<LitStr> {
    let covers = texts(meta, "covers(\"POST /orders\")", errors);
    points::check(&covers, errors);
    covers
}

/// Parses the string literals in `name("a", "b")` and rejects duplicates.
fn texts(meta: &Meta, example: &str, errors: &mut Errors) -> Vec<LitStr> {
    let Meta::List(list) = meta else {
        errors.at(meta, format_args!("expected a list, as in `{example}`"));
        return Vec::new();
    };
    let texts: Vec<LitStr> = match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(values) if values.is_empty() => {
            errors.at(&list.path, format_args!("the list is empty; write `{example}` or remove it"));
            Vec::new()
        }
        Ok(values) => values.iter().filter_map(|value| text(value, example, errors)).collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    };
    for (position, text) in texts.iter().enumerate() {
        if texts[..position].iter().any(|earlier| earlier.value() == text.value()) {
            errors.at(text, format_args!("`{}` stands here twice; remove one", text.value()));
        }
    }
    texts
}
