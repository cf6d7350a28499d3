//! Writes parsed values as constants of the expansion.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::model::{Arguments, ChosenRuntime};

/// The constant for the arguments of a test; `None` for a test without arguments.
pub(crate) fn meta(arguments: &Arguments, private: &TokenStream) -> Option<TokenStream> {
    if arguments.is_plain() {
        return None;
    }
    let Arguments { tags, covers, .. } = arguments;
    let timeout = option(arguments.timeout.map(|timeout| duration(timeout, private)).as_ref(), private);
    let retries = option(arguments.retries.as_ref(), private);
    let serial = option(arguments.serial.as_ref(), private);
    let ignore = option(arguments.ignore.as_ref(), private);
    let runtime = match arguments.runtime.chosen() {
        ChosenRuntime::Worker => quote!(Worker),
        ChosenRuntime::Threads(threads) => quote!(Threads(#threads)),
        ChosenRuntime::CurrentThread => quote!(CurrentThread),
    };
    Some(quote! {
        #private::CaseMeta {
            timeout: #timeout,
            retries: #retries,
            serial: #serial,
            tags: &[#(#tags),*],
            covers: &[#(#covers),*],
            ignore: #ignore,
            runtime: #private::TestRuntime::#runtime,
        }
    })
}

pub(crate) fn option(value: Option<&impl ToTokens>, private: &TokenStream) -> TokenStream {
    if let Some(value) = value { quote!(#private::Option::Some(#value)) } else { quote!(#private::Option::None) }
}

pub(crate) fn duration(duration: Duration, private: &TokenStream) -> TokenStream {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    quote!(#private::Duration::new(#seconds, #nanos))
}
