//! Generic parameters in the user's tokens: finding them, and substituting a type for them.

use proc_macro2::{Group, Ident, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;
use syn::parse::Parse;

/// Whether the tokens contain one of these names.
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

/// Substitutes a type for a generic parameter. The type keeps its span, so that the compiler reports mistakes where the type is listed.
pub(crate) fn substitute<T: Parse + ToTokens + Clone>(written: &T, parameter: &Ident, chosen: &Type) -> T {
    if !mentions(written, &[parameter]) {
        return written.clone();
    }
    let replaced = replace(written.to_token_stream(), parameter, &chosen.to_token_stream());
    syn::parse2(replaced).unwrap_or_else(|_| written.clone())
}

fn replace(tokens: TokenStream, parameter: &Ident, chosen: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    // A name after `::`, `.` or `'` is not the parameter.
    let mut is_other_name = false;
    let mut earlier = None;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_other = std::mem::take(&mut is_other_name);
        let joint = earlier.take();
        match token {
            TokenTree::Ident(word) if word == *parameter && !is_other => {
                // `Db::of` becomes `<ShopSqlite>::of`, because a type with generic arguments is not valid before `::` without the brackets.
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
                is_other_name = match mark {
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
        text(substitute(written, &parse_quote!(Db), &parse_quote!(Store<Pg>)))
    }

    fn text(tokens: impl ToTokens) -> String {
        tokens.to_token_stream().to_string().replace(' ', "")
    }

    #[test]
    fn type_is_substituted_for_its_parameter() {
        for (written, expected) in [
            (quote!(Db), quote!(Store<Pg>)),
            (quote!(&'a mut Shop<Db, [Db; 2]>), quote!(&'a mut Shop<Store<Pg>, [Store<Pg>; 2]>)),
            (quote!(<Db as OverType>::Db), quote!(<Store<Pg> as OverType>::Db)),
            (quote!(fn(Db::Row) -> shop::Db), quote!(fn(<Store<Pg>>::Row) -> shop::Db)),
            (quote!(Option<DbError>), quote!(Option<DbError>)),
        ] {
            let written: Type = syn::parse2(written).unwrap();
            assert_eq!(placed(&written), text(expected));
        }
    }

    #[test]
    fn type_is_substituted_in_values() {
        let written: Expr = parse_quote!(shop.Db(Db::row(Db::ZERO), |db: Db| 0..Db::END));
        let expected = quote!(shop.Db(<Store<Pg>>::row(<Store<Pg>>::ZERO), |db: Store<Pg>| 0..<Store<Pg>>::END));
        assert_eq!(placed(&written), text(expected));
    }
}
