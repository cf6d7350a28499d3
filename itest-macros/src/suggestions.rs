//! Keeps the compiler from suggesting `fn name<Missing>()` for a type that it does not find.
//!
//! A type stands in the function, and again in what the expansion says about the function. The compiler reports a missing
//! type once as long as both reports are the same. It suggests a generic parameter only for the function, so the reports
//! would differ; and a generic parameter is not what a test or a fixture lacks.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{GenericParam, Generics, ItemFn};

use crate::spans::in_expansion;

/// The list of generic parameters; an empty one is written as `<>`, at a place where the compiler suggests nothing.
pub(crate) fn generics(declared: &Generics, place: Span) -> TokenStream {
    if declared.params.is_empty() {
        let (place, _) = in_expansion((place, place));
        return quote_spanned!(place=> <>);
    }
    let (list, _, _) = declared.split_for_impl();
    list.to_token_stream()
}

/// The function, with its list of generic parameters.
pub(crate) fn function(function: &ItemFn) -> TokenStream {
    let generics = &function.sig.generics;
    match generics.params.last() {
        None => with_empty_list(function),
        // Behind a lifetime that the user wrote the compiler would suggest a type.
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
        // Before its name stand only keywords, and groups of attributes and of the visibility.
        let is_name = matches!(&token, TokenTree::Ident(word) if word == name);
        tokens.extend([token]);
        if is_name {
            tokens.extend(list.take());
        }
    }
    tokens
}
