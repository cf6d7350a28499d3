//! The invisible groups in which `macro_rules!` passes an `$e:expr` or a `$t:ty`.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{Expr, Type};

/// Replaces each invisible group by parentheses if the tokens next to it would change the meaning of its content.
///
/// The compiler ignores invisible groups in what an attribute macro returns: with `1 + 1` for `$e`, it would calculate
/// `$e * 2` as `1 + 1 * 2`.
pub(crate) fn with_parentheses(tokens: TokenStream) -> TokenStream {
    rewritten(&tokens).unwrap_or(tokens)
}

/// The changed tokens; `None` if nothing changes, which is the case for every function that no macro generates.
fn rewritten(tokens: &TokenStream) -> Option<TokenStream> {
    let mut is_changed = false;
    let mut rest = tokens.clone().into_iter().peekable();
    let mut changed = Vec::new();
    while let Some(token) = rest.next() {
        let TokenTree::Group(group) = &token else {
            changed.push(token);
            continue;
        };
        let needs_parentheses = group.delimiter() == Delimiter::None && needs_parentheses(&group.stream(), rest.peek());
        let content = rewritten(&group.stream());
        if !needs_parentheses && content.is_none() {
            changed.push(token);
            continue;
        }
        is_changed = true;
        let delimiter = if needs_parentheses { Delimiter::Parenthesis } else { group.delimiter() };
        let mut replacement = Group::new(delimiter, content.unwrap_or_else(|| group.stream()));
        replacement.set_span(group.span());
        changed.push(TokenTree::Group(replacement));
    }
    is_changed.then(|| changed.into_iter().collect())
}

fn needs_parentheses(content: &TokenStream, next: Option<&TokenTree>) -> bool {
    let Ok(expression) = syn::parse2::<Expr>(content.clone()) else { return has_several_bounds(content) };
    match without_group(&expression) {
        Expr::Binary(_)
        | Expr::Break(_)
        | Expr::Cast(_)
        | Expr::Closure(_)
        | Expr::Return(_)
        | Expr::Struct(_)
        | Expr::Yield(_) => true,
        Expr::Range(range) => range.start.is_some() || range.end.is_some(),
        // A prefix operator binds tighter than every operator except a postfix operator. With `a.b` for `$e`, `$e()` must not call a method.
        Expr::Field(_) | Expr::RawAddr(_) | Expr::Reference(_) | Expr::Unary(_) => match next {
            Some(TokenTree::Punct(punct)) => matches!(punct.as_char(), '.' | '?'),
            Some(TokenTree::Group(group)) => {
                matches!(group.delimiter(), Delimiter::Parenthesis | Delimiter::Bracket)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether the content is a type such as `dyn A + B`, because `&dyn A + B` is not a type and `&(dyn A + B)` is one.
fn has_several_bounds(content: &TokenStream) -> bool {
    match syn::parse2::<Type>(content.clone()) {
        Ok(Type::TraitObject(object)) => object.bounds.len() > 1,
        Ok(Type::ImplTrait(object)) => object.bounds.len() > 1,
        _ => false,
    }
}

/// The expression in an invisible group.
pub(crate) fn without_group(expression: &Expr) -> &Expr {
    match expression {
        Expr::Group(group) => without_group(&group.expr),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn group(content: TokenStream) -> TokenTree {
        Group::new(Delimiter::None, content).into()
    }

    fn text(tokens: TokenStream) -> String {
        with_parentheses(tokens).to_string()
    }

    #[test]
    fn expression_of_a_macro_keeps_its_precedence() {
        for expression in
            [quote!(1 + 1), quote!(n as u8), quote!(|n| n), quote!(0..3), quote!(return 1), quote!(Point { x: 1 })]
        {
            let group = group(expression.clone());
            assert_eq!(text(quote!(let n = #group * 2;)), quote!(let n = (#expression) * 2;).to_string());
            assert_eq!(text(quote!({ assert!(a, [#group]) })), quote!({ assert!(a, [(#expression)]) }).to_string());
        }
        let nested = group(group(quote!(1 + 1)).into());
        assert_eq!(text(quote!(#nested * 2)), "((1 + 1)) * 2");
    }

    #[test]
    fn prefix_operator_is_parenthesized_only_before_a_postfix() {
        for expression in [quote!(-1), quote!(&n), quote!(!n)] {
            let group = group(expression.clone());
            assert_eq!(text(quote!(#group.abs())), quote!((#expression).abs()).to_string());
            assert_eq!(text(quote!(#group?)), quote!((#expression)?).to_string());
            let untouched = quote!(f(#group, 2 - #group));
            assert_eq!(text(untouched.clone()), untouched.to_string());
        }
        let field = group(quote!(self.call));
        assert_eq!(text(quote!(#field(1))), quote!((self.call)(1)).to_string());
    }

    #[test]
    fn types_items_and_single_words_of_a_macro_are_unchanged() {
        for content in [
            quote!(),
            quote!(1),
            quote!("a"),
            quote!(a::b),
            quote!(Vec<u8>),
            quote!(&T),
            quote!(timeout = "3s"),
            quote!(let a = 1),
            quote!({ 1 }),
            quote!(pub(crate)),
            quote!(
                fn f() {}
            ),
            quote!(dyn Send),
            quote!(..),
        ] {
            let group = group(content);
            let written = quote!(a #group b);
            assert_eq!(text(written.clone()), written.to_string());
        }
    }

    #[test]
    fn several_bounds_are_parenthesized() {
        let bounds = group(quote!(dyn Send + Sync));
        assert_eq!(text(quote!(a: &#bounds)), quote!(a: &(dyn Send + Sync)).to_string());
    }
}
