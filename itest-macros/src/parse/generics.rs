//! Generic parameters: which of them somebody can choose.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{GenericParam, Generics, Ident, Type, WherePredicate, parse_quote};

use super::types::{borrowed_lifetime, source_text, without_group};
use crate::errors::Errors;
use crate::model::Over;
use crate::placeholders::mentions;

/// A test's type is chosen by `#[over]`, and nothing else is.
pub(super) fn of_test(generics: &Generics, over: Option<&Over>, errors: &mut Errors) {
    for generic in &generics.params {
        match (generic, over) {
            (GenericParam::Const(parameter), _) => {
                errors.at(&parameter.ident, "nobody can choose a generic number for the harness; name it");
            }
            (GenericParam::Type(parameter), None) => {
                let name = &parameter.ident;
                let message = format!(
                    "nobody can choose this type for the harness; name it, or list some: `#[over({name} = [A, B])]`"
                );
                errors.at(name, message);
            }
            (GenericParam::Type(parameter), Some(Over { parameter: Some(chosen), .. })) => {
                if parameter.ident != *chosen {
                    let message = format!("`#[over]` chooses `{chosen}`, and nobody can choose a second type; name it");
                    errors.at(&parameter.ident, message);
                }
            }
            // A lifetime chooses itself; of a list that is wrong it was told already.
            (GenericParam::Lifetime(_), _) | (GenericParam::Type(_), Some(_)) => {}
        }
    }
}

/// A teardown function is found by its name, which says nothing of types.
pub(super) fn of_teardown(generics: &Generics, errors: &mut Errors) {
    for generic in &generics.params {
        let what = match generic {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(parameter) => &parameter.ident,
            GenericParam::Const(parameter) => &parameter.ident,
        };
        errors.at(what, "nobody can choose a generic parameter for the harness; name the type");
    }
}

/// What is generic in a fixture is chosen by whoever asks for its type. Gives back what is left without lifetimes and
/// mistakes.
pub(super) fn of_fixture(generics: &Generics, made: &mut Option<Type>, errors: &mut Errors) -> Generics {
    let mut kept = generics.clone();
    let mut refused = Vec::new();
    kept.params.clear();
    for generic in &generics.params {
        let name = match generic {
            GenericParam::Lifetime(_) => continue,
            GenericParam::Type(parameter) => &parameter.ident,
            GenericParam::Const(parameter) => &parameter.ident,
        };
        let complaint = made.as_ref().and_then(|made| complaint(name, made));
        if let Some((place, message)) = complaint {
            errors.at(place, message);
            refused.push(name);
        } else if let Some(lifetime) = borrowed_lifetime(generic) {
            errors.at(lifetime, NO_LIFETIME);
            kept.params.push(parse_quote!(#name));
        } else {
            kept.params.push(generic.clone());
        }
    }
    // That anything at all is a fixture nobody can pretend.
    *made = made.take().filter(|made| !refused.iter().any(|name| is_name(made, name)));
    if let Some(clause) = &mut kept.where_clause {
        let mut predicates = Punctuated::new();
        for predicate in std::mem::take(&mut clause.predicates) {
            if !matches!(predicate, WherePredicate::Type(_)) || mentions(&predicate, &refused) {
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

const NO_LIFETIME: &str = "what a fixture is made of borrows nothing; let this bound name no lifetime";

/// Why nobody could choose a parameter by asking for the type that is made.
fn complaint(name: &Ident, made: &Type) -> Option<(TokenStream, String)> {
    if is_name(made, name) {
        let message = format!("`{name}` is any type at all; return one of this crate that holds it: `Name<{name}>`");
        return Some((made.to_token_stream(), message));
    }
    let text = source_text(made);
    let message = format!("who asks for `{text}` does not say what `{name}` is; make it part of the type");
    (!mentions(made, &[name])).then(|| (name.to_token_stream(), message))
}

fn is_name(made: &Type, name: &Ident) -> bool {
    matches!(without_group(made), Type::Path(path) if path.path.is_ident(name))
}
