//! Parameters, and the rows that fill some of them.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, FnArg, GenericParam, Ident, Meta, Pat, PatType, Safety, Signature, Token, Type};

use super::words::{is_plain_type, source_text};
use crate::errors::Errors;
use crate::model::{Access, Parameter, Row, Source};

/// Whose parameters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Test,
    Fixture,
}

/// Takes the `#[case(...)]` rows from a function's attributes.
pub(super) fn take_rows(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Vec<Row> {
    let mut rows = Vec::new();
    attributes.retain(|attribute| {
        let segments: Vec<&Ident> = attribute.path().segments.iter().map(|segment| &segment.ident).collect();
        let name = match segments.as_slice() {
            [case] if *case == "case" => None,
            [case, name] if *case == "case" => Some((*name).clone()),
            _ => return true,
        };
        let values = match &attribute.meta {
            Meta::List(list) => match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
                Ok(values) => values.into_iter().collect(),
                Err(error) => {
                    errors.push(error);
                    return false;
                }
            },
            Meta::Path(_) => Vec::new(),
            Meta::NameValue(pair) => {
                errors.at(pair, "a row is written `#[case(value, …)]` or `#[case::name(value, …)]`");
                return false;
            }
        };
        rows.push(Row { attribute: attribute.clone(), name, values });
        false
    });
    rows
}

/// Takes our attributes from the parameters and says where each value comes from.
pub(super) fn take(signature: &mut Signature, owner: Owner, errors: &mut Errors) -> Vec<Parameter> {
    refuse_odd_signatures(signature, errors);
    let mut parameters = Vec::new();
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                errors.at(&receiver.self_token, "a test or fixture is a free function; it has no `self`");
            }
            FnArg::Typed(parameter) => {
                let source = source(parameter, owner, errors);
                parameters.push(Parameter { written: (*parameter.ty).clone(), source });
            }
        }
    }
    parameters
}

fn refuse_odd_signatures(signature: &Signature, errors: &mut Errors) {
    for generic in &signature.generics.params {
        let what = match generic {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
            GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
        };
        errors.at(what, "nobody can choose a generic parameter for the harness; name the type");
    }
    let odd = "is called by the harness, which knows only plain functions; remove this";
    if let Some(token) = &signature.constness {
        errors.at(token, format_args!("a test or fixture {odd}"));
    }
    if !matches!(signature.safety, Safety::Default) {
        errors.at(&signature.safety, format_args!("a test or fixture {odd}"));
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, format_args!("a test or fixture {odd}"));
    }
}

fn source(parameter: &mut PatType, owner: Owner, errors: &mut Errors) -> Source {
    let mut sources = Vec::new();
    let name = match &*parameter.pat {
        Pat::Ident(pattern) => pattern.ident.to_string(),
        _ => "value".to_owned(),
    };
    parameter.attrs.retain(|attribute| {
        let path = attribute.path();
        if path.is_ident("case") {
            if !matches!(attribute.meta, Meta::Path(_)) {
                errors
                    .at(attribute, "a parameter is marked `#[case]`; its values stand in `#[case(…)]` on the function");
            }
            sources.push(Source::Case(attribute.clone()));
        } else if path.is_ident("values") {
            sources.push(values(attribute, name.clone(), errors));
        } else {
            return true;
        }
        false
    });
    if let Some(attribute) = parameter.attrs.first() {
        errors.at(attribute, "a parameter bears `#[case]`, `#[values(…)]` or nothing");
        return Source::Wrong;
    }
    if sources.len() > 1 {
        errors.at(&parameter.pat, "a parameter has one source: `#[case]` or `#[values(…)]`");
        return Source::Wrong;
    }
    match sources.pop() {
        Some(source) if owner == Owner::Test => source,
        Some(_) => {
            errors.at(
                &parameter.pat,
                "a fixture has no cases; put `#[case]` and `#[values]` on the tests that ask for it",
            );
            Source::Wrong
        }
        None => fixture(&parameter.ty, owner, errors),
    }
}

fn values(attribute: &Attribute, name: String, errors: &mut Errors) -> Source {
    let example = "`#[values(1, 2)]`";
    let Meta::List(list) = &attribute.meta else {
        errors.at(attribute, format_args!("expected values, as in {example}"));
        return Source::Wrong;
    };
    match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(values) if values.is_empty() => {
            errors.at(attribute.path(), format_args!("without a value there is no case; write {example}"));
            Source::Wrong
        }
        Ok(values) => Source::Values(name, values.into_iter().collect()),
        Err(error) => {
            errors.push(error);
            Source::Wrong
        }
    }
}

/// The fixture that an unmarked parameter asks for.
fn fixture(written: &Type, owner: Owner, errors: &mut Errors) -> Source {
    let (access, asked) = match written {
        Type::Reference(reference) => {
            if let Some(lifetime) = &reference.lifetime
                && lifetime.ident == "static"
            {
                errors.at(lifetime, "a fixture's value lives as long as its scope, not for ever; write `&T`");
                return Source::Wrong;
            }
            let access = if reference.mutability.is_some() { Access::Exclusive } else { Access::Shared };
            (access, &*reference.elem)
        }
        owned => (Access::Owned, owned),
    };
    if access == Access::Exclusive && owner == Owner::Fixture {
        errors.at(written, "a fixture borrows another as `&T` or owns a fresh `T`; `&mut T` is for tests");
        return Source::Wrong;
    }
    let plain = match asked {
        Type::Path(path) => is_plain_type(&path.path),
        Type::Slice(_) | Type::Tuple(_) | Type::Array(_) => true,
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            let message = "a fixture is asked for by its type; a trait does not say which: name the type";
            errors.at(asked, message);
            return Source::Wrong;
        }
        _ => false,
    };
    if plain {
        let text = source_text(asked);
        let message = match owner {
            Owner::Test => format!("`{text}` is data and no fixture; mark the parameter `#[case]` or `#[values(…)]`"),
            Owner::Fixture => format!("`{text}` is data and no fixture; ask for a type that a `#[fixture]` makes"),
        };
        errors.at(asked, message);
        return Source::Wrong;
    }
    Source::Fixture(access, asked.clone())
}
