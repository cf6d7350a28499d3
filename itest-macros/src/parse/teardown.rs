//! Parses teardown functions.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, ItemFn, PathSegment, Signature, Type};

use super::attributes::{Role, reject_foreign_attributes, take_outer};
use super::place::reject_method;
use super::types::{borrowed_lifetime, source_text, without_group};
use super::{arguments, generics, parameters, phases};
use crate::errors::Errors;
use crate::model::TeardownFunction;

/// Parses a function under `#[teardown]`.
pub(crate) fn teardown(tokens: TokenStream, mut function: ItemFn, errors: &mut Errors) -> TeardownFunction {
    let is_method = reject_method(&function, Role::Teardown, errors);
    arguments::teardown(tokens, errors);
    for row in parameters::take_rows(&mut function.attrs, errors) {
        errors
            .at(row.attribute.path(), "a teardown function has no cases: its value comes out of the ledger; remove it");
    }
    reject_foreign_attributes(&mut function.attrs, Role::Teardown, errors);
    let attributes = take_outer(&mut function.attrs);
    generics::of_teardown(&function.sig.generics, errors);
    parameters::reject_signature_modifiers(&mut function.sig, Role::Teardown, errors);
    for mark in phases::take(&mut function.block, Role::Teardown, errors).marks {
        errors.push(syn::Error::new(mark.span, phases::misplaced(mark.phase.word(), Role::Teardown)));
    }
    let argument = argument(&mut function.sig, errors);
    TeardownFunction { function, attributes, is_method, argument }
}

/// The type of the only parameter.
fn argument(signature: &mut Signature, errors: &mut Errors) -> Option<Type> {
    let is_generic = signature.generics.params.iter().any(|generic| !matches!(generic, GenericParam::Lifetime(_)));
    let mut inputs = signature.inputs.iter_mut();
    let parameter = match inputs.next() {
        Some(FnArg::Typed(parameter)) => parameter,
        // A `self` was rejected together with its function.
        Some(FnArg::Receiver(_)) => return None,
        None => {
            let message = "a teardown function has one parameter, which the ledger keeps; add it, as in `name: String`";
            errors.at(&signature.ident, message);
            return None;
        }
    };
    let surplus = inputs.next();
    if let Some(surplus) = &surplus {
        let message = "the ledger keeps one value for a teardown function; put several into a struct or a tuple, as in \
                       `(name, port): (String, u16)`";
        errors.at(surplus, message);
    }
    for attribute in parameters::take_attributes(parameter) {
        let message = "the parameter of a teardown function comes out of the ledger; remove this";
        errors.at(attribute.path(), message);
    }
    if let Some((place, problem)) = problem(&parameter.ty) {
        errors.at(place, problem);
        return None;
    }
    // With several parameters or a generic one, the intended type is unknown.
    (surplus.is_none() && !is_generic).then(|| (*parameter.ty).clone())
}

/// The message for a type that the ledger cannot store, as far as the type's tokens show that.
fn problem(written: &Type) -> Option<(TokenStream, String)> {
    let plain = without_group(written);
    if let Some(owned) = owned(plain) {
        let problem = format!("the value comes out of the ledger, where nothing can be borrowed; take `{owned}`");
        return Some((written.to_token_stream(), problem));
    }
    if matches!(plain, Type::ImplTrait(_) | Type::TraitObject(_) | Type::Infer(_)) {
        return Some((written.to_token_stream(), "the value is read from the ledger; name its type".to_owned()));
    }
    let is_reference = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == '&');
    let borrowed = borrowed_lifetime(written).or_else(|| find(written.to_token_stream(), is_reference))?;
    Some((borrowed, "the value comes out of the ledger and borrows nothing; let its type own what it holds".to_owned()))
}

/// The owned type to suggest for a borrowed or unsized type.
fn owned(written: &Type) -> Option<String> {
    match written {
        Type::Reference(reference) => {
            let inner = without_group(&reference.elem);
            let is_path = matches!(inner, Type::Path(path) if path.path.segments.last().is_some_and(is_path));
            Some(if is_path { "PathBuf".to_owned() } else { owned(inner).unwrap_or_else(|| source_text(inner)) })
        }
        Type::Slice(slice) => Some(format!("Vec<{}>", source_text(&slice.elem))),
        Type::Path(path) if path.path.is_ident("str") => Some("String".to_owned()),
        _ => None,
    }
}

fn is_path(last: &PathSegment) -> bool {
    last.ident == "Path" && last.arguments.is_none()
}

/// The first token that satisfies the predicate, at any depth.
fn find(tokens: TokenStream, predicate: impl Fn(&TokenTree) -> bool + Copy) -> Option<TokenStream> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => find(group.stream(), predicate),
        token => predicate(&token).then(|| token.into()),
    })
}
