//! The path of the crate `itest` as the user's Cargo.toml names it.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// `::itest`, or the name that the crate was given.
pub(crate) fn itest() -> TokenStream {
    match crate_name("itest") {
        Ok(FoundCrate::Name(name)) => {
            let name = Ident::new(&name, Span::call_site());
            quote!(::#name)
        }
        // In itest's own doc tests the crate is `itest`, too; without a Cargo.toml the name is the best guess.
        Ok(FoundCrate::Itself) | Err(_) => quote!(::itest),
    }
}
