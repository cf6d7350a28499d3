//! Prevents the compiler from suggesting `fn name<Missing>()` for an unknown type.
//!
//! A type is in the function and again in the rest of the expansion. The compiler reports an unknown type only once if both reports
//! are equal. It suggests a generic parameter only for the function, so that the reports would differ. A generic parameter would also
//! be the wrong correction for a test or a fixture.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{GenericParam, Generics, ItemFn};

use crate::spans::in_expansion;

/// The list of generic parameters. An empty list is written as `<>`, with a span for which the compiler makes no suggestion.
pub(crate) fn generics(declared: &Generics, place: Span) -> TokenStream {
    if declared.params.is_empty() {
        let (place, _) = in_expansion((place, place));
        return quote_spanned!(place=> <>);
    }
    let (list, _, _) = declared.split_for_impl();
    list.to_token_stream()
}

/// The function with its list of generic parameters.
pub(crate) fn function(function: &ItemFn) -> TokenStream {
    let generics = &function.sig.generics;
    match generics.params.last() {
        None => with_empty_list(function),
        // After a lifetime with the user's span, the compiler would suggest a type parameter.
        Some(GenericParam::Lifetime(_)) => {
            let mut function = function.clone();
            if let Some(GenericParam::Lifetime(last)) = function.sig.generics.params.last_mut() {
                let last = last.bounds.last_mut().unwrap_or(&mut last.lifetime);
                last.set_span(in_expansion((last.span(), last.span())).0);
            }
            function.to_token_stream()
        }
        Some(_) => function.to_token_stream(),
    }
}

fn with_empty_list(function: &ItemFn) -> TokenStream {
    let name = &function.sig.ident;
    let mut list = Some(generics(&function.sig.generics, name.span()));
    let mut tokens = TokenStream::new();
    for token in function.to_token_stream() {
        // Only keywords, attributes and the visibility precede the name, so that the first identifier equal to the name is the name.
        let is_name = matches!(&token, TokenTree::Ident(word) if word == name);
        tokens.extend([token]);
        if is_name {
            tokens.extend(list.take());
        }
    }
    tokens
}
