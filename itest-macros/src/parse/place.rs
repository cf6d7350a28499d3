//! Checks that tests and fixtures are at module level and not in an `impl` or a `trait`.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ItemFn, Signature};

use super::attributes::Role;
use crate::errors::Errors;
use crate::source::{self, Enclosure};

/// Rejects a function that is not at module level, such as a method, and returns whether it did. Later mistakes are not reported, because
/// they follow from this one.
pub(crate) fn reject_method(function: &ItemFn, role: Role, errors: &mut Errors) -> bool {
    let (noun, name) = (role.noun(), &function.sig.ident);
    // A teardown function may be an associated function of a type, because its whole expansion is in its body.
    let is_allowed = |enclosure: &Enclosure| role == Role::Teardown && *enclosure == Enclosure::Impl;
    if let Some(enclosure) = source::function_context(name).enclosure.filter(|enclosure| !is_allowed(enclosure)) {
        let block = enclosure.word();
        errors.at(name, format_args!("{noun} stands at module level; move `{name}` out of this {block}"));
    } else if let Some(word) = self_token(&function.sig) {
        let message = match role {
            Role::Test | Role::Fixture | Role::Invariant => {
                format!("{noun} stands at module level, where there is no `{word}`; move it out of the `impl`")
            }
            Role::Teardown if word.to_string() == "Self" => format!("{noun} knows no `Self`; name the type"),
            Role::Teardown => format!("{noun} has no `self`; what it needs to know is its parameter"),
        };
        errors.at(&word, message);
    } else {
        return false;
    }
    errors.suppress_further();
    true
}

/// The first `self` or `Self` of a signature.
fn self_token(signature: &Signature) -> Option<TokenStream> {
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
