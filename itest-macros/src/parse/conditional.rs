//! List entries and attributes under a condition.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, MetaList, Token};

/// A list entry with the attributes before it.
#[derive(Clone)]
pub(super) struct Conditional<T> {
    pub(super) attributes: Vec<Attribute>,
    pub(super) value: T,
}

impl<T: Parse> Parse for Conditional<T> {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self { attributes: input.call(Attribute::parse_outer)?, value: input.parse()? })
    }
}

impl<T: ToTokens> ToTokens for Conditional<T> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.attributes.iter().for_each(|attribute| attribute.to_tokens(tokens));
        self.value.to_tokens(tokens);
    }
}

/// The predicate of `cfg_attr(predicate, …)`, and the attributes under it.
pub(super) fn under_condition(list: &MetaList) -> Option<(TokenStream, Vec<Meta>)> {
    let mut tokens = list.tokens.clone().into_iter();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let predicate = tokens.by_ref().take_while(|token| !is_comma(token)).collect();
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens.collect()).ok()?;
    Some((predicate, metas.into_iter().collect()))
}
