//! The call of a user's function, and the conversion of what it returns.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{ItemFn, ReturnType};

use crate::spans::{ends, located};

/// The functions of the runtime that receive what a user's function returns.
pub(crate) struct Conclude {
    /// Receives the boxed future of an async function. The compiler instantiates this function once for each return type, and not once for
    /// each test.
    pub(crate) of_future: TokenStream,
    /// Receives the value of a sync function.
    pub(crate) of_value: TokenStream,
}

/// The call of a user's function with its inputs.
pub(crate) struct Invocation<'a> {
    pub(crate) function: &'a ItemFn,
    /// The statements that take the inputs.
    pub(crate) bindings: TokenStream,
    /// The statements of the body before the call. They may await.
    pub(crate) data: TokenStream,
    /// The call itself, which gives a future if the function is async.
    pub(crate) call: TokenStream,
    /// The span at which the compiler reports mistakes in the call. Without it, that is the return type or the attribute.
    pub(crate) span: Option<(Span, Span)>,
}

impl Invocation<'_> {
    /// The `Function` of the runtime that makes this call.
    pub(crate) fn function(&self, conclude: &Conclude, private: &TokenStream) -> TokenStream {
        let Self { function, bindings, data, call, .. } = self;
        let inputs = if bindings.is_empty() { quote!(_) } else { quote!(__itest_inputs) };
        let is_async = function.sig.asyncness.is_some();
        let (kind, result) = match (is_async, data.is_empty()) {
            (true, true) => (quote!(Async), self.conclude_future(call, &conclude.of_future, private)),
            (true, false) => {
                let body = quote!(async move { #data #call.await });
                (quote!(Async), self.conclude_future(&body, &conclude.of_future, private))
            }
            (false, true) => (quote!(Sync), conclude_value(function, &conclude.of_value, call, private)),
            (false, false) => {
                let value = conclude_value(function, &conclude.of_value, call, private);
                (quote!(SyncWithData), quote!(#private::Box::pin(async move { #data #value })))
            }
        };
        quote!(#private::Function::#kind(|#inputs| { #bindings #result }))
    }

    /// Boxes a future and calls a function of the runtime with it. A function without a return type needs no conversion.
    fn conclude_future(&self, body: &TokenStream, conclude: &TokenStream, private: &TokenStream) -> TokenStream {
        let boxed = quote!(#private::Box::new(#body));
        let Some(returned) = return_type_span(self.function) else {
            let arguments = quote!(::core::convert::identity, #boxed);
            let arguments = if let Some(span) = self.span { located(arguments, span) } else { arguments };
            return quote!(#conclude(#arguments));
        };
        let boxed = located(boxed, self.span.unwrap_or(returned));
        let conversion = quote!(#private::ReturnType::of_future(&__itest_body).itest_conversion());
        // The compiler reports a mistake in the return type there.
        let arguments = located(quote!(#conversion, __itest_body), returned);
        let conclude = located(quote!(#conclude(#arguments)), returned);
        quote!(let __itest_body: #private::BoxedFuture<'_, _> = #boxed; #conclude)
    }
}

/// Calls a function of the runtime with the value that a user's function returned. A function without a return type needs no conversion.
pub(crate) fn conclude_value(
    function: &ItemFn,
    conclude: &TokenStream,
    value: &TokenStream,
    private: &TokenStream,
) -> TokenStream {
    let Some(span) = return_type_span(function) else { return quote!(#conclude(#value)) };
    let conversion = quote!(#private::ReturnType::of(&__itest_value).itest_conversion());
    // The compiler reports a mistake in the return type there.
    let argument = located(quote!(#conversion(__itest_value)), span);
    let conclude = located(quote!(#conclude(#argument)), span);
    quote!(let __itest_value = #value; #conclude)
}

/// The call of the function with its generic arguments, at the given span.
pub(crate) fn call(
    function: &ItemFn,
    chosen: &[impl ToTokens],
    arguments: &[TokenStream],
    span: Option<(Span, Span)>,
) -> TokenStream {
    let name = &function.sig.ident;
    let (opening, closing) = if chosen.is_empty() { (None, None) } else { (Some(quote!(::<)), Some(quote!(>))) };
    let (before, behind) = (quote!(#name #opening), quote!(#closing (#(#arguments),*)));
    let (before, behind) = match span {
        Some((first, last)) => (located(before, (first, first)), located(behind, (last, last))),
        None => (before, behind),
    };
    quote!(#before #(#chosen),* #behind)
}

pub(crate) fn return_type_span(function: &ItemFn) -> Option<(Span, Span)> {
    match &function.sig.output {
        ReturnType::Default => None,
        ReturnType::Type(_, returned) => Some(ends(returned)),
    }
}
