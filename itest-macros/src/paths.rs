//! The path of the crate `itest`: the path in the attribute's argument `crate`, or the crate's name in the user's Cargo.toml.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Path;
use syn::parse::Parser;

use crate::errors::Errors;

/// The path of the crate `itest` in the expansion.
pub(crate) struct Itest {
    path: TokenStream,
    /// The author of the function under the attribute.
    pub(crate) author: Author,
}

/// The author of the function under an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// The test suite. Names begin with the suite's modules.
    Suite,
    /// A library, which gives the path of `itest`. Names begin with the library.
    Library,
}

impl ToTokens for Itest {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.path.to_tokens(tokens);
    }
}

/// Splits `crate = path` from the other arguments of an attribute.
pub(crate) fn itest(arguments: &TokenStream, errors: &mut Errors) -> (Itest, TokenStream) {
    let (crates, others): (Vec<_>, Vec<_>) = split_at_commas(arguments).into_iter().partition(begins_with_crate);
    let [first, surplus @ ..] = crates.as_slice() else {
        return (Itest { path: crate_path(), author: Author::Suite }, arguments.clone());
    };
    for argument in surplus {
        errors.at(argument, "`crate` stands here twice; remove one");
    }
    let path = Path::parse_mod_style.parse2(first.clone().into_iter().skip(2).collect());
    let path = path.map_or_else(
        |_| {
            errors.at(first, "expected the path of the crate `itest`, as in `crate = my_library::itest`");
            crate_path()
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

/// Splits the arguments at the commas.
fn split_at_commas(arguments: &TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in arguments.clone() {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(sign), _) if sign.as_char() == ',' => parts.push(TokenStream::new()),
            (_, Some(last)) => last.extend([token]),
            (_, None) => {}
        }
    }
    // A trailing comma is not followed by an argument.
    parts.retain(|argument| !argument.is_empty());
    parts
}

/// The path `::itest`, or the name under which the user's Cargo.toml renames the crate.
fn crate_path() -> TokenStream {
    match crate_name("itest") {
        Ok(FoundCrate::Name(name)) => {
            let name = Ident::new(&name, Span::call_site());
            quote!(::#name)
        }
        // In itest's own doc tests the crate is also `::itest`. Without a Cargo.toml the default name is the best guess.
        Ok(FoundCrate::Itself) | Err(_) => quote!(::itest),
    }
}
