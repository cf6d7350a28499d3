//! Parses the arguments that choose the tokio runtime of a test's body.

use syn::{Lit, Meta, Path};

use super::words::{literal, suggestion, text, value};
use crate::errors::Errors;
use crate::model::Flavor;

const MAX_THREADS: u16 = 1024;

/// Parses `threads = N`.
pub(super) fn threads(meta: &Meta, errors: &mut Errors) -> Option<(Path, u16)> {
    const EXAMPLE: &str = "threads = 4";
    let written = value(meta, EXAMPLE, errors)?;
    let number = match literal(&written) {
        Some(Lit::Int(number)) if number.suffix().is_empty() => number.base10_parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| (1..=MAX_THREADS).contains(number));
    if number.is_none() {
        errors.at(written, format_args!("expected a whole number from 1 to {MAX_THREADS}, as in `{EXAMPLE}`"));
    }
    Some((meta.path().clone(), number?))
}

/// Parses `flavor = "…"`.
pub(super) fn flavor(meta: &Meta, errors: &mut Errors) -> (Path, Flavor) {
    const EXAMPLE: &str = "flavor = \"current_thread\"";
    let flavor = match value(meta, EXAMPLE, errors).and_then(|written| text(&written, EXAMPLE, errors)) {
        None => Flavor::Invalid,
        Some(text) => match text.value().as_str() {
            "current_thread" => Flavor::CurrentThread,
            "multi_thread" => Flavor::MultiThread,
            other => {
                let hint = suggestion(other, &["current_thread", "multi_thread"]);
                errors.at(text, format_args!("unknown flavor `{other}`; {hint}"));
                Flavor::Invalid
            }
        },
    };
    (meta.path().clone(), flavor)
}

/// Parses `start_paused = true`, and returns the argument's path.
pub(super) fn start_paused(meta: &Meta, errors: &mut Errors) -> Option<Path> {
    const EXAMPLE: &str = "start_paused = true";
    let written = value(meta, EXAMPLE, errors)?;
    let Some(Lit::Bool(paused)) = literal(&written) else {
        errors.at(written, format_args!("expected `true` or `false`, as in `{EXAMPLE}`"));
        return None;
    };
    paused.value.then(|| meta.path().clone())
}
