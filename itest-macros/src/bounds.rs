//! What a generic fixture demands of the types that whoever asks for it chooses.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, TypeParam, WherePredicate, parse_quote};

use crate::model::{Access, Fixture};
use crate::spans::{ends, in_expansion, located};

/// What must be known of generic parameters: that nothing in them is borrowed, and that what is asked for by them is a
/// fixture, of a scope that suits.
pub(crate) fn demanded(fixture: &Fixture, scope: &TokenStream, private: &TokenStream) -> Generics {
    let mut generics = lasting(&fixture.generics);
    for (access, asked) in fixture.open_dependencies() {
        let by_value = (access == Access::Owned).then(|| quote!(+ #private::ByValue));
        let suits = quote!(: #private::Fixture<Scope: #private::LivesAsLongAs<#scope> #by_value>);
        // What does not suit is a message that names this place.
        let suits = located(suits, in_expansion(ends(asked)));
        generics.make_where_clause().predicates.push(parse_quote!(#asked #suits));
    }
    generics
}

/// The parameters, of which nothing is borrowed.
pub(crate) fn lasting(declared: &Generics) -> Generics {
    let mut generics = declared.clone();
    let types: Vec<WherePredicate> =
        declared.type_params().map(|TypeParam { ident, .. }| parse_quote!(#ident: 'static)).collect();
    if !types.is_empty() {
        generics.make_where_clause().predicates.extend(types);
    }
    generics
}
