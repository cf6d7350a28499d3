//! The bounds on the generic parameters of a fixture in its expansion.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, TypeParam, WherePredicate, parse_quote};

use crate::model::{Access, Fixture};
use crate::spans::{ends, in_expansion, located};

/// Adds the bounds that the implementation needs: the parameters must not borrow, and the types that the fixture requests through them
/// must be fixtures of a suitable scope.
pub(crate) fn required_bounds(fixture: &Fixture, scope: &TokenStream, private: &TokenStream) -> Generics {
    let mut generics = with_static_bounds(&fixture.generics);
    for (access, requested) in fixture.generic_dependencies() {
        let by_value = (access == Access::Owned).then(|| quote!(+ #private::ByValue));
        let suits = quote!(: #private::Fixture<Scope: #private::LivesAsLongAs<#scope> #by_value>);
        // The compiler reports a type without this bound at this location.
        let suits = located(suits, in_expansion(ends(requested)));
        generics.make_where_clause().predicates.push(parse_quote!(#requested #suits));
    }
    generics
}

/// The parameters with the bound `'static` on each type.
pub(crate) fn with_static_bounds(declared: &Generics) -> Generics {
    let mut generics = declared.clone();
    let types: Vec<WherePredicate> =
        declared.type_params().map(|TypeParam { ident, .. }| parse_quote!(#ident: 'static)).collect();
    if !types.is_empty() {
        generics.make_where_clause().predicates.extend(types);
    }
    generics
}
