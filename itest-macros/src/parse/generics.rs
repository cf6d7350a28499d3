//! Validates generic parameters. A parameter is rejected if neither `#[over]` nor a dependent determines it.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{GenericParam, Generics, Ident, Type, WherePredicate, parse_quote};

use super::types::{borrowed_lifetime, source_text, without_group};
use crate::errors::Errors;
use crate::model::Over;
use crate::placeholders::mentions;

/// Validates the generic parameters of a test. Only `#[over]` can determine a type parameter.
pub(super) fn of_test(generics: &Generics, over: Option<&Over>, errors: &mut Errors) {
    for generic in &generics.params {
        match (generic, over) {
            (GenericParam::Const(parameter), _) => {
                errors.at(
                    &parameter.ident,
                    "the harness cannot choose a value for this parameter; write the value instead",
                );
            }
            (GenericParam::Type(parameter), None) => {
                let name = &parameter.ident;
                let message = format!(
                    "the harness cannot choose this type; name a type, or list types: `#[over({name} = [A, B])]`"
                );
                errors.at(name, message);
            }
            (GenericParam::Type(parameter), Some(Over { parameter: Some(chosen), .. })) => {
                if parameter.ident != *chosen {
                    let message = format!("`#[over]` chooses only `{chosen}`; name a type instead of this parameter");
                    errors.at(&parameter.ident, message);
                }
            }
            // The compiler infers lifetimes. A mistake in the list is already reported.
            (GenericParam::Lifetime(_), _) | (GenericParam::Type(_), Some(_)) => {}
        }
    }
}

/// Rejects the generic parameters of a teardown function, because the ledger identifies it by its name only.
pub(super) fn of_teardown(generics: &Generics, errors: &mut Errors) {
    reject_all(generics, errors);
}

/// Rejects the generic parameters of an invariant, because nothing names the types that they stand for.
pub(super) fn of_invariant(generics: &Generics, errors: &mut Errors) {
    reject_all(generics, errors);
}

/// Rejects all generic parameters except lifetimes.
fn reject_all(generics: &Generics, errors: &mut Errors) {
    for generic in &generics.params {
        let what = match generic {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(parameter) => &parameter.ident,
            GenericParam::Const(parameter) => &parameter.ident,
        };
        errors.at(what, "the harness cannot choose a generic parameter; name the type");
    }
}

/// Validates the generic parameters of a fixture, which its dependents determine by naming the fixture's type. Returns the valid
/// parameters without lifetimes.
pub(super) fn of_fixture(generics: &Generics, value_type: &mut Option<Type>, errors: &mut Errors) -> Generics {
    let mut kept = generics.clone();
    let mut rejected = Vec::new();
    kept.params.clear();
    for generic in &generics.params {
        let name = match generic {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(parameter) => &parameter.ident,
            GenericParam::Const(parameter) => &parameter.ident,
        };
        let problem = value_type.as_ref().and_then(|value_type| problem(name, value_type));
        if let Some((place, message)) = problem {
            errors.at(place, message);
            rejected.push(name);
        } else if let Some(lifetime) = borrowed_lifetime(generic) {
            errors.at(lifetime, NO_LIFETIME);
            kept.params.push(parse_quote!(#name));
        } else {
            kept.params.push(generic.clone());
        }
    }
    // The fallback for a rejected parameter must not implement the fixture trait for every type.
    *value_type = value_type.take().filter(|value_type| !rejected.iter().any(|name| is_name(value_type, name)));
    if let Some(clause) = &mut kept.where_clause {
        let mut predicates = Punctuated::new();
        for predicate in std::mem::take(&mut clause.predicates) {
            if !matches!(predicate, WherePredicate::Type(_)) || mentions(&predicate, &rejected) {
                continue;
            }
            match borrowed_lifetime(&predicate) {
                Some(lifetime) => errors.at(lifetime, NO_LIFETIME),
                None => predicates.push(predicate),
            }
        }
        clause.predicates = predicates;
    }
    kept
}

const NO_LIFETIME: &str = "a fixture's value borrows nothing; remove the lifetime from this bound";

/// The message for a parameter that the type of the fixture does not determine.
fn problem(name: &Ident, value_type: &Type) -> Option<(TokenStream, String)> {
    if is_name(value_type, name) {
        let message = format!("`{name}` may be any type; return a type of this crate that contains it: `Name<{name}>`");
        return Some((value_type.to_token_stream(), message));
    }
    let text = source_text(value_type);
    let message = format!("the type `{text}` does not determine `{name}`; make `{name}` a part of the type");
    (!mentions(value_type, &[name])).then(|| (name.to_token_stream(), message))
}

fn is_name(value_type: &Type, name: &Ident) -> bool {
    matches!(without_group(value_type), Type::Path(path) if path.path.is_ident(name))
}
