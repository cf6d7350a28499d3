//! Gathers mistakes, so that all of them are told at once.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Mistakes found so far. It must be finished: one that is dropped unread is a bug in this crate.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    settled: bool,
}

impl Errors {
    /// Remembers a mistake at a token.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Remembers a mistake that syn found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        if !self.settled {
            self.found.push(error);
        }
    }

    /// Whatever is found from here on follows from a mistake that was told, and is not told.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    /// The mistakes as `compile_error!`s, if there are any.
    pub(crate) fn finish(self) -> Result<(), TokenStream> {
        if self.found.is_empty() {
            return Ok(());
        }
        Err(self.found.iter().map(syn::Error::to_compile_error).collect())
    }
}
