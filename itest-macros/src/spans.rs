//! Where messages about expanded code stand: on what the user wrote, not on the attribute.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The first and the last token; a message underlines from the one to the other.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// Tokens as if they stood from the first place to the last. What is inside of brackets stays where it is.
pub(crate) fn located(tokens: TokenStream, (first, last): (Span, Span)) -> TokenStream {
    let move_to = |mut token: TokenTree, span| {
        token.set_span(span);
        token
    };
    let mut tokens = tokens.into_iter();
    let moved = tokens.next().map(|token| move_to(token, first));
    moved.into_iter().chain(tokens.map(|token| move_to(token, last))).collect()
}

/// The same places, still known to be written by us, so that lints pass over them.
pub(crate) fn in_expansion((first, last): (Span, Span)) -> (Span, Span) {
    let ours = Span::call_site();
    (ours.located_at(first), ours.located_at(last))
}
