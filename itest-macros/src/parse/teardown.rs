//! A function that gives a resource back.

use proc_macro2::TokenStream;
use syn::{FnArg, ItemFn, Type};

use super::attributes::{Owner, refuse_foreign};
use super::types::borrowed_lifetime;
use super::{arguments, parameters, phases};
use crate::errors::Errors;
use crate::model::TeardownFunction;

/// Reads a function under `#[teardown]`.
pub(crate) fn teardown(tokens: TokenStream, mut function: ItemFn, errors: &mut Errors) -> TeardownFunction {
    arguments::teardown(tokens, errors);
    refuse_foreign(&mut function.attrs, Owner::Teardown, errors);
    parameters::refuse_odd_signatures(&function.sig, errors);
    for mark in phases::take(&mut function.block, Owner::Teardown, errors).marks {
        errors.push(syn::Error::new(mark.span, "a teardown function has no phases; remove this mark"));
    }
    let argument = argument(&function, errors);
    TeardownFunction { function, argument }
}

/// The type of the one parameter.
fn argument(function: &ItemFn, errors: &mut Errors) -> Option<Type> {
    let mut inputs = function.sig.inputs.iter();
    let Some(first) = inputs.next() else {
        let message = "a teardown function has one parameter, which the ledger keeps; add it, as in `name: String`";
        errors.at(&function.sig.ident, message);
        return None;
    };
    for surplus in inputs {
        errors.at(surplus, "the ledger keeps one value for a teardown function; put several into a struct or a tuple");
    }
    match first {
        FnArg::Receiver(receiver) => {
            errors.at(receiver.self_token, "a teardown function is a free function; it has no `self`");
            None
        }
        FnArg::Typed(parameter) => {
            if let Some(attribute) = parameter.attrs.first() {
                errors.at(attribute, "the parameter of a teardown function comes out of the ledger; remove this");
            }
            let complaint = "the value comes out of the ledger, and nobody else owns it; take it by value";
            match (&*parameter.ty, borrowed_lifetime(&parameter.ty)) {
                (Type::Reference(_), _) => errors.at(&parameter.ty, complaint),
                (Type::ImplTrait(_), _) => errors.at(&parameter.ty, "name the type: it is read from the ledger"),
                (_, Some(lifetime)) => errors.at(lifetime, complaint),
                _ => return Some((*parameter.ty).clone()),
            }
            None
        }
    }
}
