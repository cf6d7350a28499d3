//! The spans of expanded code. They make the compiler report mistakes at the user's tokens and not at the attribute.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The spans of the first and the last token. A message underlines everything between them.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// Gives the first token the first span, and all other tokens the last span. The tokens inside brackets keep their spans.
pub(crate) fn located(tokens: TokenStream, (first, last): (Span, Span)) -> TokenStream {
    let move_to = |mut token: TokenTree, span| {
        token.set_span(span);
        token
    };
    let mut tokens = tokens.into_iter();
    let moved = tokens.next().map(|token| move_to(token, first));
    moved.into_iter().chain(tokens.map(|token| move_to(token, last))).collect()
}

/// The same locations, marked as macro-generated, so that lints ignore them.
pub(crate) fn in_expansion((first, last): (Span, Span)) -> (Span, Span) {
    let ours = Span::call_site();
    (ours.located_at(first), ours.located_at(last))
}
