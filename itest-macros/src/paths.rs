//! The path of the crate `itest`: as the attribute says it, or as the user's Cargo.toml names the crate.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Path;
use syn::parse::Parser;

use crate::errors::Errors;

/// Where the expansion finds `itest`.
pub(crate) struct Itest {
    path: TokenStream,
    /// Whose function the attribute stands on.
    pub(crate) author: Author,
}

/// Whose function an attribute stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// The suite's own: its names are those of the suite's modules.
    Suite,
    /// A library's, which says where `itest` is: its names begin with the library.
    Library,
}

impl ToTokens for Itest {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.path.to_tokens(tokens);
    }
}

/// Takes `crate = path` out of the arguments of an attribute.
pub(crate) fn itest(arguments: &TokenStream, errors: &mut Errors) -> (Itest, TokenStream) {
    let (crates, others): (Vec<_>, Vec<_>) = separated(arguments).into_iter().partition(begins_with_crate);
    let [first, surplus @ ..] = crates.as_slice() else {
        return (Itest { path: named(), author: Author::Suite }, arguments.clone());
    };
    for argument in surplus {
        errors.at(argument, "`crate` stands here twice; remove one");
    }
    let path = Path::parse_mod_style.parse2(first.clone().into_iter().skip(2).collect());
    let path = path.map_or_else(
        |_| {
            errors.at(first, "expected the path of the crate `itest`, as in `crate = my_library::itest`");
            named()
        },
        Path::into_token_stream,
    );
    (Itest { path, author: Author::Library }, quote!(#(#others),*))
}

fn begins_with_crate(argument: &TokenStream) -> bool {
    let mut tokens = argument.clone().into_iter();
    matches!(tokens.next(), Some(TokenTree::Ident(word)) if word == "crate")
        && matches!(tokens.next(), Some(TokenTree::Punct(sign)) if sign.as_char() == '=')
}

/// The arguments between commas.
fn separated(arguments: &TokenStream) -> Vec<TokenStream> {
    let mut separated = vec![TokenStream::new()];
    for token in arguments.clone() {
        match (&token, separated.last_mut()) {
            (TokenTree::Punct(sign), _) if sign.as_char() == ',' => separated.push(TokenStream::new()),
            (_, Some(last)) => last.extend([token]),
            (_, None) => {}
        }
    }
    // A comma at the end begins no argument.
    separated.retain(|argument| !argument.is_empty());
    separated
}

/// `::itest`, or the name that the crate was given.
fn named() -> TokenStream {
    match crate_name("itest") {
        Ok(FoundCrate::Name(name)) => {
            let name = Ident::new(&name, Span::call_site());
            quote!(::#name)
        }
        // In itest's own doc tests the crate is `itest`, too; without a Cargo.toml the name is the best guess.
        Ok(FoundCrate::Itself) | Err(_) => quote!(::itest),
    }
}
