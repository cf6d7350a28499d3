//! Classifies and prints types in the form of their tokens.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Path, PathArguments, Type};

/// Whether the type is a number, a text or a collection. Such a value is data and not a fixture.
pub(super) fn is_plain(path: &Path) -> bool {
    const PLAIN: [&str; 24] = [
        "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
        "isize", "f32", "f64", "Vec", "Option", "HashMap", "BTreeMap", "HashSet", "Duration",
    ];
    // A path such as `geometry::Vec` is a type of the user.
    let is_common = path.segments.len() == 1 || is_standard(path);
    is_common && path.segments.last().is_some_and(|last| PLAIN.iter().any(|plain| last.ident == plain))
}

/// Whether the type is from the standard library, as far as its path shows that.
pub(super) fn is_foreign(path: &Path) -> bool {
    const WRAPPERS: [&str; 5] = ["Arc", "Rc", "Mutex", "RwLock", "RefCell"];
    let is_wrapper = path.segments.last().is_some_and(|last| {
        matches!(last.arguments, PathArguments::AngleBracketed(_)) && WRAPPERS.iter().any(|name| last.ident == name)
    });
    is_standard(path) || (is_wrapper && path.segments.len() == 1)
}

fn is_standard(path: &Path) -> bool {
    path.segments.len() > 1
        && path.segments.first().is_some_and(|first| ["std", "core", "alloc"].iter().any(|name| first.ident == name))
}

/// The type without parentheses and without the invisible group around a `$type:ty` of `macro_rules!`.
pub(super) fn without_group(written: &Type) -> &Type {
    match written {
        Type::Group(group) => without_group(&group.elem),
        Type::Paren(paren) => without_group(&paren.elem),
        other => other,
    }
}

/// The type in the usual notation.
pub(super) fn source_text(written: &Type) -> String {
    let text = written.to_token_stream().to_string();
    [(" :: ", "::"), (" < ", "<"), (" >", ">"), ("& ", "&"), ("( ", "("), (" )", ")"), (" ,", ",")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

/// The first lifetime in a type that is not `'static`.
pub(super) fn borrowed_lifetime(written: &impl ToTokens) -> Option<TokenStream> {
    let tokens = written.to_token_stream();
    // `for<'a> fn(&'a T)` does not borrow. The compiler checks whether the rest of such a type borrows.
    let is_bound = tokens.clone().into_iter().any(|token| matches!(&token, TokenTree::Ident(word) if word == "for"));
    if is_bound { None } else { lifetime(tokens) }
}

fn lifetime(tokens: TokenStream) -> Option<TokenStream> {
    let mut quote_mark = None;
    for token in tokens {
        match (&token, quote_mark.take()) {
            (TokenTree::Ident(name), Some(mark)) if name != "static" => return Some(quote!(#mark #name)),
            (TokenTree::Group(group), _) => {
                if let Some(lifetime) = lifetime(group.stream()) {
                    return Some(lifetime);
                }
            }
            (TokenTree::Punct(punct), _) if punct.as_char() == '\'' => quote_mark = Some(token),
            _ => {}
        }
    }
    None
}

/// Replaces the lifetimes that the function declares by `'_`, because they are unknown outside of the function.
pub(super) fn without_lifetimes(written: &Type, declared: &[String]) -> Type {
    fn erase(tokens: TokenStream, declared: &[String]) -> TokenStream {
        let mut after_quote_mark = false;
        let erased = tokens.into_iter().map(|token| match token {
            TokenTree::Ident(name) if after_quote_mark && declared.iter().any(|declared| name == declared) => {
                after_quote_mark = false;
                TokenTree::Ident(proc_macro2::Ident::new("_", name.span()))
            }
            TokenTree::Group(group) => {
                let mut erased = proc_macro2::Group::new(group.delimiter(), erase(group.stream(), declared));
                erased.set_span(group.span());
                TokenTree::Group(erased)
            }
            other => {
                after_quote_mark = matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '\'');
                other
            }
        });
        erased.collect()
    }
    if declared.is_empty() {
        return written.clone();
    }
    syn::parse2(erase(written.to_token_stream(), declared)).unwrap_or_else(|_| written.clone())
}
