//! What is written when there are mistakes: the messages, and enough of the user's item that nothing else is missing.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::emit;
use crate::errors::Errors;
use crate::model::{Fixture, TeardownFunction};
use crate::paths::Itest;

/// An item that is no function stays as it is.
pub(crate) fn item(item: &TokenStream, errors: Errors) -> TokenStream {
    let messages = errors.finish().err();
    quote!(#messages #item)
}

/// The function stays and is not called dead.
pub(crate) fn function(function: &ItemFn, messages: &TokenStream) -> TokenStream {
    quote! {
        #messages
        #[allow(dead_code)]
        #function
    }
}

/// The type is still a fixture, so that those who ask for it are not told that it is none.
pub(crate) fn fixture(fixture: &Fixture, messages: &TokenStream, itest: &Itest) -> TokenStream {
    let item = function(&fixture.function, messages);
    // In an `impl` stands no implementation.
    let made = fixture.made.as_ref().filter(|_| !fixture.is_method);
    let stand_in = made.map(|made| emit::stand_in(fixture, made, itest));
    quote!(#item #stand_in)
}

/// What is registered under its name is still there for those who register it.
pub(crate) fn teardown(teardown: &TeardownFunction, messages: &TokenStream, itest: &Itest) -> TokenStream {
    // A method cannot stand within another function.
    if teardown.is_method {
        return function(&teardown.function, messages);
    }
    let stand_in = emit::teardown_stand_in(teardown, itest);
    quote!(#messages #stand_in)
}
