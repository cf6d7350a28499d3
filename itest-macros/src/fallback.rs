//! What is written when there are mistakes: the messages, and enough of the user's item that nothing else is missing.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemFn, Type};

use crate::emit;
use crate::errors::Errors;
use crate::model::{Fixture, TeardownFunction};

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
pub(crate) fn fixture(fixture: &Fixture, messages: &TokenStream, itest: &TokenStream) -> TokenStream {
    let item = function(&fixture.function, messages);
    let stand_in = fixture.made.as_ref().map(|made| emit::stand_in(made, fixture.scope, itest));
    quote!(#item #stand_in)
}

/// A function of the same name and parameter is still there for those who register it.
pub(crate) fn teardown(
    teardown: &TeardownFunction,
    argument: Option<&Type>,
    messages: Option<&TokenStream>,
    itest: &TokenStream,
) -> TokenStream {
    match argument {
        Some(argument) => {
            let expanded = emit::teardown(teardown, argument, itest);
            quote!(#messages #[allow(dead_code)] #expanded)
        }
        None => function(&teardown.function, &quote!(#messages)),
    }
}
