//! Parses parameters, and the rows of values for them.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, FnArg, Ident, LitStr, Meta, Pat, PatType, Path, Safety, Signature, Token, Type};

use super::attributes::{Role, is_lint};
use super::types::{borrowed_lifetime, is_plain, source_text, without_group, without_lifetimes};
use super::words::suggestion;
use crate::errors::Errors;
use crate::model::{Access, Finder, Parameter, Row, Source};

/// Removes the `#[case(...)]` rows from a function's attributes and parses them.
pub(super) fn take_rows(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Row> {
    let mut rows = Vec::new();
    attributes.retain(|attribute| {
        let segments: Vec<&Ident> = attribute.path().segments.iter().map(|segment| &segment.ident).collect();
        let name = match segments.as_slice() {
            [case] if *case == "case" => None,
            [case, name] if *case == "case" => Some((*name).clone()),
            [case, _, second, ..] if *case == "case" => {
                errors.at(second, "a row has one name: `#[case::name(…)]`; remove this");
                None
            }
            _ => return true,
        };
        rows.push(Row { attribute: attribute.clone(), name, values: row_values(attribute, errors) });
        false
    });
    rows
}

/// Whether the attribute is a row, with or without a name.
pub(super) fn is_row(attribute: &Attribute) -> bool {
    attribute.path().segments.first().is_some_and(|first| first.ident == "case")
}

fn row_values(attribute: &Attribute, errors: &mut Errors) -> Option<Vec<Expr>> {
    match &attribute.meta {
        Meta::Path(_) => Some(Vec::new()),
        Meta::List(list) => match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            Ok(values) => Some(values.into_iter().collect()),
            Err(error) => {
                errors.push(error);
                None
            }
        },
        Meta::NameValue(pair) => {
            errors.at(pair, "a row is written `#[case(value, …)]` or `#[case::name(value, …)]`");
            None
        }
    }
}

/// Removes the attributes of itest from the parameters and determines the source of each value.
pub(super) fn take(signature: &mut Signature, role: Role, errors: &mut Errors) -> Vec<Parameter> {
    reject_signature_modifiers(signature, role, errors);
    let lifetimes: Vec<String> =
        signature.generics.lifetimes().map(|declared| declared.lifetime.ident.to_string()).collect();
    let mut parameters = Vec::new();
    for input in &mut signature.inputs {
        // A `self` was rejected together with its function.
        if let FnArg::Typed(parameter) = input {
            let source = source(parameter, role, errors);
            parameters.push(Parameter { written: without_lifetimes(&parameter.ty, &lifetimes), source });
        }
    }
    parameters
}

/// Rejects `const`, `unsafe` and `extern`, because the harness calls only plain functions. The modifiers `const` and `extern` are removed,
/// so that the compiler does not report follow-up errors.
pub(super) fn reject_signature_modifiers(signature: &mut Signature, role: Role, errors: &mut Errors) {
    let odd = format!("{} is called by the harness, which knows only plain functions; remove this", role.noun());
    if let Some(token) = signature.constness.take() {
        errors.at(token, &odd);
    }
    if !matches!(signature.safety, Safety::Default) {
        errors.at(&signature.safety, &odd);
    }
    if let Some(abi) = signature.abi.take() {
        errors.at(abi, &odd);
    }
}

fn source(parameter: &mut PatType, role: Role, errors: &mut Errors) -> Source {
    let attributes = take_attributes(parameter);
    let Some(first) = attributes.first() else { return fixture(&parameter.ty, role, errors) };
    if let Some(second) = attributes.get(1) {
        errors.at(second.path(), "a parameter has one source, such as `#[case]` or `#[values(…)]`; remove one");
        return Source::Invalid;
    }
    let word = first.path().to_token_stream().to_string().replace(' ', "");
    match (word.as_str(), role) {
        ("case" | "cases" | "files" | "values", Role::Fixture) => {
            errors
                .at(first.path(), format_args!("a fixture has no cases; put `#[{word}]` on the tests that ask for it"));
            Source::Invalid
        }
        ("case" | "cases" | "files" | "values", Role::Invariant) => {
            errors.at(first.path(), "an invariant has no cases: it runs after each case of a test; remove this");
            Source::Invalid
        }
        ("case" | "cases" | "files" | "values", Role::Test) if is_trait(&parameter.ty) => {
            errors.at(&parameter.ty, "the values of a parameter are of one type; a trait does not say which: name it");
            Source::Invalid
        }
        ("cfg" | "cfg_attr", _) => {
            errors.at(
                first,
                format_args!(
                    "expected a condition, as in `#[{word}(unix{})]`",
                    if word == "cfg" { "" } else { ", case" }
                ),
            );
            Source::Invalid
        }
        ("case", Role::Test) => case(first, errors),
        ("cases", Role::Test) => function(first, errors),
        ("files", Role::Test) => files(first, errors),
        ("values", Role::Test) => values(first, &parameter.pat, errors),
        _ => {
            let hint = suggestion(&word, &["case", "cases", "files", "values"]);
            errors.at(first.path(), format_args!("`#[{word}]` means nothing here; {hint}"));
            Source::Invalid
        }
    }
}

/// Removes and returns all attributes of a parameter except those for lints.
pub(super) fn take_attributes(parameter: &mut PatType) -> Vec<Attribute> {
    parameter.attrs.extract_if(.., |attribute| !is_lint(attribute)).collect()
}

fn case(attribute: &Attribute, errors: &mut Errors) -> Source {
    if matches!(attribute.meta, Meta::Path(_)) {
        return Source::Case(attribute.clone());
    }
    let message = "a parameter is marked `#[case]`; its values stand in `#[case(…)]` on the function";
    errors.at(&attribute.meta, message);
    Source::Invalid
}

fn values(attribute: &Attribute, pattern: &Pat, errors: &mut Errors) -> Source {
    let example = "`#[values(1, 2)]`";
    let Meta::List(list) = &attribute.meta else {
        errors.at(&attribute.meta, format_args!("expected values, as in {example}"));
        return Source::Invalid;
    };
    match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(values) if values.is_empty() => {
            errors.at(attribute.path(), format_args!("without a value there is no case; write {example}"));
            Source::Invalid
        }
        Ok(values) => Source::Values(name(pattern), values.into_iter().collect()),
        Err(error) => {
            errors.push(error);
            Source::Invalid
        }
    }
}

fn files(attribute: &Attribute, errors: &mut Errors) -> Source {
    let example = "`#[files(\"tests/cases/*.json\")]`";
    let Meta::List(list) = &attribute.meta else {
        errors.at(&attribute.meta, format_args!("expected patterns of files, as in {example}"));
        return Source::Invalid;
    };
    match list.parse_args_with(Punctuated::<LitStr, Token![,]>::parse_terminated) {
        Ok(patterns) if patterns.is_empty() => {
            errors.at(attribute.path(), format_args!("without a pattern there is no case; write {example}"));
            Source::Invalid
        }
        Ok(patterns) => Source::RunTime(attribute.clone(), Finder::Files(patterns.into_iter().collect())),
        Err(error) => {
            errors.push(syn::Error::new(error.span(), format_args!("{error}; write {example}")));
            Source::Invalid
        }
    }
}

fn function(attribute: &Attribute, errors: &mut Errors) -> Source {
    let example = "`#[cases(orders_of_the_file)]`";
    let Meta::List(list) = &attribute.meta else {
        errors.at(&attribute.meta, format_args!("expected a function that returns the cases, as in {example}"));
        return Source::Invalid;
    };
    match list.parse_args::<Path>() {
        Ok(path) => Source::RunTime(attribute.clone(), Finder::Function(path)),
        Err(error) => {
            errors.push(syn::Error::new(error.span(), format_args!("{error}; name a function, as in {example}")));
            Source::Invalid
        }
    }
}

/// The name of a parameter for the names of its cases.
fn name(pattern: &Pat) -> String {
    match pattern {
        Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
        _ => "value".to_owned(),
    }
}

/// The fixture that a parameter without an attribute requests.
fn fixture(written: &Type, role: Role, errors: &mut Errors) -> Source {
    let (access, requested) = match without_group(written) {
        Type::Reference(reference) => {
            if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
                errors.at(lifetime, "a fixture's value lives as long as its scope, not for ever; write `&T`");
                return Source::Invalid;
            }
            let only_for_tests = match role {
                Role::Test | Role::Teardown => None,
                Role::Fixture => Some("a fixture borrows another as `&T` or owns a fresh `T`; `&mut T` is for tests"),
                Role::Invariant => Some("an invariant only reads what the test has used; write `&T`"),
            };
            if let (Some(mutability), Some(message)) = (&reference.mutability, only_for_tests) {
                errors.at(mutability, message);
                return Source::Invalid;
            }
            let access = if reference.mutability.is_some() { Access::Exclusive } else { Access::Shared };
            (access, without_group(&reference.elem))
        }
        other => (Access::Owned, other),
    };
    if is_trait(requested) {
        errors.at(requested, "a fixture is asked for by its type; a trait does not say which: name the type");
        return Source::Invalid;
    }
    if let Type::Reference(second) = requested {
        errors.at(second.and_token, "a fixture is borrowed once; remove this `&`");
        return Source::Invalid;
    }
    let is_data = match requested {
        Type::Path(path) => is_plain(&path.path),
        Type::Macro(_) => false,
        _ => true,
    };
    if is_data {
        let text = source_text(without_group(written));
        let message = match role {
            Role::Test => format!("`{text}` is data and no fixture; mark the parameter `#[case]` or `#[values(…)]`"),
            Role::Fixture | Role::Teardown | Role::Invariant => {
                format!("`{text}` is data and no fixture; ask for a type that a `#[fixture]` makes")
            }
        };
        errors.at(requested, message);
        return Source::Invalid;
    }
    if let Some(lifetime) = borrowed_lifetime(requested) {
        errors.at(lifetime, "a fixture's value borrows nothing; let its type own what it holds");
        return Source::Invalid;
    }
    if let (Access::Owned, Role::Invariant) = (access, role) {
        let text = source_text(requested);
        let message =
            format!("an owned `{text}` is another value than the one that the test has used; write `&{text}`");
        errors.at(requested, message);
        return Source::Invalid;
    }
    Source::Fixture(access, requested.clone())
}

fn is_trait(written: &Type) -> bool {
    matches!(without_group(written), Type::ImplTrait(_) | Type::TraitObject(_))
}
