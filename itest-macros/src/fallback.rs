//! The expansion of a function with mistakes: the messages, and enough of the user's item to avoid follow-up errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::emit;
use crate::errors::Errors;
use crate::model::{Fixture, TeardownFunction};
use crate::paths::Itest;

/// Returns an item that is not a function unchanged, with the messages.
pub(crate) fn item(item: &TokenStream, errors: Errors) -> TokenStream {
    let messages = errors.finish().err();
    quote!(#messages #item)
}

/// Returns the function with the messages, and without the lint `dead_code`.
pub(crate) fn function(function: &ItemFn, messages: &TokenStream) -> TokenStream {
    quote! {
        #messages
        #[allow(dead_code)]
        #function
    }
}

/// Still implements the fixture trait for the type, so that the tests that request the fixture get no follow-up errors.
pub(crate) fn fixture(fixture: &Fixture, messages: &TokenStream, itest: &Itest) -> TokenStream {
    let item = function(&fixture.function, messages);
    // An `impl` block cannot contain a trait implementation.
    let value_type = fixture.value_type.as_ref().filter(|_| !fixture.is_method);
    let fallback_fixture = value_type.map(|value_type| emit::fallback_fixture(fixture, value_type, itest));
    quote!(#item #fallback_fixture)
}

/// Still defines a function with the same name, so that its calls get no follow-up errors.
pub(crate) fn teardown(teardown: &TeardownFunction, messages: &TokenStream, itest: &Itest) -> TokenStream {
    // A method cannot be nested in another function.
    if teardown.is_method {
        return function(&teardown.function, messages);
    }
    let fallback_fixture = emit::fallback_teardown(teardown, itest);
    quote!(#messages #fallback_fixture)
}
