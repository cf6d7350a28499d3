//! Where a function stands: tests and fixtures at module level, and not in an `impl` or a `trait`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ItemFn, Signature};

use super::attributes::Owner;
use crate::errors::Errors;
use crate::source::{self, Enclosure};

/// Whether a function is a method, or another function that is not at module level. One message says so, and what else is
/// wrong with it follows from that.
pub(crate) fn refuse_method(function: &ItemFn, owner: Owner, errors: &mut Errors) -> bool {
    let (noun, name) = (owner.noun(), &function.sig.ident);
    // What a teardown function expands to stands in its body, so it may be an associated function of a type.
    let is_allowed = |enclosure: &Enclosure| owner == Owner::Teardown && *enclosure == Enclosure::Impl;
    if let Some(enclosure) = source::facts(name).enclosure.filter(|enclosure| !is_allowed(enclosure)) {
        let block = enclosure.word();
        errors.at(name, format_args!("{noun} stands at module level; move `{name}` out of this {block}"));
    } else if let Some(word) = own_type(&function.sig) {
        let message = match owner {
            Owner::Test | Owner::Fixture => {
                format!("{noun} stands at module level, where there is no `{word}`; move it out of the `impl`")
            }
            Owner::Teardown if word.to_string() == "Self" => format!("{noun} knows no `Self`; name the type"),
            Owner::Teardown => format!("{noun} has no `self`; what it needs to know is its parameter"),
        };
        errors.at(&word, message);
    } else {
        return false;
    }
    errors.settle();
    true
}

/// The first `self` or `Self` of a signature.
fn own_type(signature: &Signature) -> Option<TokenStream> {
    fn find(tokens: TokenStream) -> Option<TokenStream> {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Group(group) => find(group.stream()),
            token => {
                let is_own = matches!(&token, TokenTree::Ident(word) if word == "self" || word == "Self");
                is_own.then(|| token.into())
            }
        })
    }
    let inputs = find(signature.inputs.to_token_stream());
    inputs.or_else(|| find(signature.output.to_token_stream()))
}
