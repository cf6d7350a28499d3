//! Generic parameters in what the user wrote: whether one is named, and a type put in its place.

use proc_macro2::{Group, Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;
use syn::parse::Parse;

/// Whether one of these names stands in it.
pub(crate) fn mentions(written: &impl ToTokens, names: &[&Ident]) -> bool {
    fn find(tokens: TokenStream, names: &[&Ident]) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => names.contains(&&word),
            TokenTree::Group(group) => find(group.stream(), names),
            _ => false,
        })
    }
    find(written.to_token_stream(), names)
}

/// The same with a type in the place of a parameter; it keeps its own place in the file, so that messages about it
/// stand where it is listed.
pub(crate) fn with<T: Parse + ToTokens + Clone>(written: &T, parameter: &Ident, chosen: &Type) -> T {
    if !mentions(written, &[parameter]) {
        return written.clone();
    }
    let replaced = replace(written.to_token_stream(), parameter, &chosen.to_token_stream());
    syn::parse2(replaced).unwrap_or_else(|_| written.clone())
}

fn replace(tokens: TokenStream, parameter: &Ident, chosen: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    // A name behind `::`, `.` or `'` is another thing of the same name.
    let mut is_own_name = false;
    let mut earlier = None;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_own = std::mem::take(&mut is_own_name);
        let joint = earlier.take();
        match token {
            TokenTree::Ident(word) if word == *parameter && !is_own => {
                // `Db::of` is `<ShopSqlite>::of`: a type with arguments of its own would not be a path otherwise.
                let is_prefix = matches!(tokens.peek(), Some(TokenTree::Punct(next))
                    if next.as_char() == ':' && next.spacing() == Spacing::Joint);
                replaced.extend(if is_prefix { quote::quote!(<#chosen>) } else { chosen.clone() });
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace(group.stream(), parameter, chosen));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            TokenTree::Punct(punct) => {
                let mark = punct.as_char();
                is_own_name = match mark {
                    '\'' => true,
                    // Two dots are a range.
                    '.' => joint != Some('.'),
                    ':' => joint == Some(':'),
                    _ => false,
                };
                earlier = (punct.spacing() == Spacing::Joint).then_some(mark);
                replaced.extend([TokenTree::Punct(punct)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::{Expr, parse_quote};

    use super::*;

    fn placed<T: Parse + ToTokens + Clone>(written: &T) -> String {
        text(with(written, &parse_quote!(Db), &parse_quote!(Store<Pg>)))
    }

    fn text(tokens: impl ToTokens) -> String {
        tokens.to_token_stream().to_string().replace(' ', "")
    }

    #[test]
    fn a_type_takes_the_place_of_its_parameter() {
        for (written, expected) in [
            (quote!(Db), quote!(Store<Pg>)),
            (quote!(&'a mut Shop<Db, [Db; 2]>), quote!(&'a mut Shop<Store<Pg>, [Store<Pg>; 2]>)),
            (quote!(<Db as Backend>::Db), quote!(<Store<Pg> as Backend>::Db)),
            (quote!(fn(Db::Row) -> shop::Db), quote!(fn(<Store<Pg>>::Row) -> shop::Db)),
            (quote!(Option<DbError>), quote!(Option<DbError>)),
        ] {
            let written: Type = syn::parse2(written).unwrap();
            assert_eq!(placed(&written), text(expected));
        }
    }

    #[test]
    fn values_may_name_it_too() {
        let written: Expr = parse_quote!(shop.Db(Db::row(Db::ZERO), |db: Db| 0..Db::END));
        let expected = quote!(shop.Db(<Store<Pg>>::row(<Store<Pg>>::ZERO), |db: Store<Pg>| 0..<Store<Pg>>::END));
        assert_eq!(placed(&written), text(expected));
    }
}
