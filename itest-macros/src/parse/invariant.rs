//! Parses invariants.

use proc_macro2::TokenStream;
use syn::ItemFn;

use super::attributes::{Role, reject_foreign_attributes};
use super::place::reject_method;
use super::{arguments, generics, parameters, phases};
use crate::errors::Errors;
use crate::model::Invariant;

/// Parses a function under `#[invariant]`.
pub(crate) fn invariant(tokens: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Invariant {
    reject_method(&function, Role::Invariant, errors);
    let timeout = arguments::invariant(tokens, errors);
    for row in parameters::take_rows(&mut function.attrs, errors) {
        errors.at(row.attribute.path(), "an invariant has no cases: it runs after each case of a test; remove this");
    }
    reject_foreign_attributes(&mut function.attrs, Role::Invariant, errors);
    generics::of_invariant(&function.sig.generics, errors);
    let parameters = parameters::take(&mut function.sig, Role::Invariant, errors);
    for mark in phases::take(&mut function.block, Role::Invariant, errors).marks {
        errors.push(syn::Error::new(mark.span, phases::misplaced(mark.phase.word(), Role::Invariant)));
    }
    Invariant { function, timeout, parameters }
}
