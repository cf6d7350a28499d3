//! Parameters, and the rows that fill some of them.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, FnArg, Ident, Meta, Pat, PatType, Safety, Signature, Token, Type};

use super::attributes::{Owner, is_lint};
use super::types::{borrowed_lifetime, is_plain, source_text, without_group, without_lifetimes};
use super::words::suggestion;
use crate::errors::Errors;
use crate::model::{Access, Parameter, Row, Source};

/// Takes the `#[case(...)]` rows from a function's attributes.
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

/// Whether it is a row, with or without a name.
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

/// Takes our attributes from the parameters and says where each value comes from.
pub(super) fn take(signature: &mut Signature, owner: Owner, errors: &mut Errors) -> Vec<Parameter> {
    refuse_odd_signatures(signature, owner, errors);
    let lifetimes: Vec<String> =
        signature.generics.lifetimes().map(|declared| declared.lifetime.ident.to_string()).collect();
    let mut parameters = Vec::new();
    for input in &mut signature.inputs {
        // A `self` was refused together with its function.
        if let FnArg::Typed(parameter) = input {
            let source = source(parameter, owner, errors);
            parameters.push(Parameter { written: without_lifetimes(&parameter.ty, &lifetimes), source });
        }
    }
    parameters
}

/// Refuses what a function that the harness calls cannot be, and takes away what else the compiler would be strict about.
pub(super) fn refuse_odd_signatures(signature: &mut Signature, owner: Owner, errors: &mut Errors) {
    let odd = format!("{} is called by the harness, which knows only plain functions; remove this", owner.noun());
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

fn source(parameter: &mut PatType, owner: Owner, errors: &mut Errors) -> Source {
    let ours = take_ours(parameter);
    let Some(first) = ours.first() else { return fixture(&parameter.ty, owner, errors) };
    if let Some(second) = ours.get(1) {
        errors.at(second.path(), "a parameter has one source, `#[case]` or `#[values(…)]`; remove one");
        return Source::Wrong;
    }
    let word = first.path().to_token_stream().to_string().replace(' ', "");
    match (word.as_str(), owner) {
        ("case" | "values", Owner::Fixture) => {
            errors
                .at(first.path(), format_args!("a fixture has no cases; put `#[{word}]` on the tests that ask for it"));
            Source::Wrong
        }
        ("case" | "values", Owner::Test) if is_trait(&parameter.ty) => {
            errors.at(&parameter.ty, "the values of a parameter are of one type; a trait does not say which: name it");
            Source::Wrong
        }
        ("cfg" | "cfg_attr", _) => {
            errors.at(
                first,
                format_args!(
                    "expected a condition, as in `#[{word}(unix{})]`",
                    if word == "cfg" { "" } else { ", case" }
                ),
            );
            Source::Wrong
        }
        ("case", Owner::Test) => case(first, errors),
        ("values", Owner::Test) => values(first, &parameter.pat, errors),
        _ => {
            let hint = suggestion(&word, &["case", "values"]);
            errors.at(first.path(), format_args!("`#[{word}]` means nothing here; {hint}"));
            Source::Wrong
        }
    }
}

/// All attributes of a parameter but those for lints.
pub(super) fn take_ours(parameter: &mut PatType) -> Vec<Attribute> {
    parameter.attrs.extract_if(.., |attribute| !is_lint(attribute)).collect()
}

fn case(attribute: &Attribute, errors: &mut Errors) -> Source {
    if matches!(attribute.meta, Meta::Path(_)) {
        return Source::Case(attribute.clone());
    }
    let message = "a parameter is marked `#[case]`; its values stand in `#[case(…)]` on the function";
    errors.at(&attribute.meta, message);
    Source::Wrong
}

fn values(attribute: &Attribute, pattern: &Pat, errors: &mut Errors) -> Source {
    let example = "`#[values(1, 2)]`";
    let Meta::List(list) = &attribute.meta else {
        errors.at(&attribute.meta, format_args!("expected values, as in {example}"));
        return Source::Wrong;
    };
    match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(values) if values.is_empty() => {
            errors.at(attribute.path(), format_args!("without a value there is no case; write {example}"));
            Source::Wrong
        }
        Ok(values) => Source::Values(name(pattern), values.into_iter().collect()),
        Err(error) => {
            errors.push(error);
            Source::Wrong
        }
    }
}

/// The name of a parameter as part of a case's name.
fn name(pattern: &Pat) -> String {
    match pattern {
        Pat::Ident(pattern) => pattern.ident.unraw().to_string(),
        _ => "value".to_owned(),
    }
}

/// The fixture that an unmarked parameter asks for.
fn fixture(written: &Type, owner: Owner, errors: &mut Errors) -> Source {
    let (access, asked) = match without_group(written) {
        Type::Reference(reference) => {
            if let Some(lifetime) = reference.lifetime.as_ref().filter(|lifetime| lifetime.ident == "static") {
                errors.at(lifetime, "a fixture's value lives as long as its scope, not for ever; write `&T`");
                return Source::Wrong;
            }
            if let (Some(mutability), Owner::Fixture) = (&reference.mutability, owner) {
                let message = "a fixture borrows another as `&T` or owns a fresh `T`; `&mut T` is for tests";
                errors.at(mutability, message);
                return Source::Wrong;
            }
            let access = if reference.mutability.is_some() { Access::Exclusive } else { Access::Shared };
            (access, without_group(&reference.elem))
        }
        other => (Access::Owned, other),
    };
    if is_trait(asked) {
        errors.at(asked, "a fixture is asked for by its type; a trait does not say which: name the type");
        return Source::Wrong;
    }
    if let Type::Reference(second) = asked {
        errors.at(second.and_token, "a fixture is borrowed once; remove this `&`");
        return Source::Wrong;
    }
    let is_data = match asked {
        Type::Path(path) => is_plain(&path.path),
        Type::Macro(_) => false,
        _ => true,
    };
    if is_data {
        let text = source_text(without_group(written));
        let message = match owner {
            Owner::Test => format!("`{text}` is data and no fixture; mark the parameter `#[case]` or `#[values(…)]`"),
            Owner::Fixture | Owner::Teardown => {
                format!("`{text}` is data and no fixture; ask for a type that a `#[fixture]` makes")
            }
        };
        errors.at(asked, message);
        return Source::Wrong;
    }
    if let Some(lifetime) = borrowed_lifetime(asked) {
        errors.at(lifetime, "a fixture's value borrows nothing; let its type own what it holds");
        return Source::Wrong;
    }
    Source::Fixture(access, asked.clone())
}

fn is_trait(written: &Type) -> bool {
    matches!(without_group(written), Type::ImplTrait(_) | Type::TraitObject(_))
}
