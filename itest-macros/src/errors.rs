//! Collects mistakes, so that all of them are reported at once.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far. The value must be passed to [`Self::finish`]; dropping it without that is a bug in this crate.
#[derive(Default)]
pub(crate) struct Errors {
    errors: Vec<syn::Error>,
    is_suppressed: bool,
}

impl Errors {
    /// Adds a mistake at a token.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds an error of syn.
    pub(crate) fn push(&mut self, error: syn::Error) {
        if !self.is_suppressed {
            self.errors.push(error);
        }
    }

    /// Ignores all later mistakes, because they follow from a mistake that is already reported.
    pub(crate) fn suppress_further(&mut self) {
        self.is_suppressed = true;
    }

    /// Returns the mistakes as `compile_error!`s, if there are any.
    pub(crate) fn finish(self) -> Result<(), TokenStream> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(self.errors.iter().map(syn::Error::to_compile_error).collect())
    }
}
