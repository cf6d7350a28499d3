//! The function as a whole.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ForeignItemFn, Item, ItemFn, Stmt};

use super::attributes::{Owner, refuse_foreign};
use super::phases::without_marks;
use super::place::refuse_method;
use super::{arguments, generics, made, over, parameters, phases};
use crate::errors::Errors;
use crate::invisible::with_parentheses;
use crate::model::{Fixture, Source, Test};
use crate::source;

/// Reads a function, or tells what was found instead and gives back what can stay of it.
pub(crate) fn function(item: TokenStream, attribute: &str, errors: &mut Errors) -> Result<ItemFn, TokenStream> {
    let item = with_parentheses(item);
    let error = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => return Ok(function),
        Err(error) => error,
    };
    if let Ok(bodiless) = syn::parse2::<ForeignItemFn>(item.clone()) {
        let message = format_args!(
            "`{attribute}` belongs on a function at module level that has a body, not on one in a `trait` or an `extern` \
             block"
        );
        errors.at(&bodiless.sig.ident, message);
        return Err(item);
    }
    if let Ok(other) = syn::parse2::<Item>(item.clone()) {
        // The mistake is where the attribute stands, not what syn stumbled over.
        let first = other.to_token_stream().into_iter().next();
        errors.at(first, format_args!("`{attribute}` belongs on a function"));
        return Err(item);
    }
    let (rest, marks) = without_marks(item);
    if marks.is_empty()
        && let Some(function) = with_opaque_body(rest.clone())
    {
        return Ok(function);
    }
    match marks.last().filter(|_| syn::parse2::<ItemFn>(rest.clone()).is_ok()) {
        Some(mark) => errors.at(mark, format_args!("`#[{mark}]` marks a statement, and none follows")),
        None => errors.push(error),
    }
    Err(rest)
}

/// A function whose body syn cannot read: what is wrong in there the compiler tells, and where it is only newer than
/// syn, nothing is.
fn with_opaque_body(item: TokenStream) -> Option<ItemFn> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let Some(TokenTree::Group(body)) = tokens.pop() else { return None };
    let mut empty = Group::new(body.delimiter(), TokenStream::new());
    empty.set_span(body.span());
    tokens.push(TokenTree::Group(empty));
    let mut function: ItemFn = syn::parse2(tokens.into_iter().collect()).ok()?;
    function.block.stmts.push(Stmt::Expr(Expr::Verbatim(body.stream()), None));
    Some(function)
}

/// Reads a test.
pub(crate) fn test(arguments: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Test {
    refuse_method(&function, Owner::Test, errors);
    let mut arguments = arguments::test(arguments, errors);
    let rows = parameters::take_rows(&mut function.attrs, errors);
    let over = over::take(&mut function.attrs, &function.sig.generics, errors);
    refuse_foreign(&mut function.attrs, Owner::Test, errors);
    generics::of_test(&function.sig.generics, over.as_ref(), errors);
    let parameters = parameters::take(&mut function.sig, Owner::Test, errors);
    let phases = phases::take(&mut function.block, Owner::Test, errors);
    let wants_rows = parameters.iter().any(|parameter| matches!(parameter.source, Source::Case(_)));
    arguments.has_no_cases |= wants_rows && rows.is_empty() && source::facts(&function.sig.ident).has_conditional_rows;
    Test { function, arguments, over, parameters, rows, phases }
}

/// Reads a fixture.
pub(crate) fn fixture(arguments: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Fixture {
    let is_method = refuse_method(&function, Owner::Fixture, errors);
    let scope = arguments::fixture(arguments, errors);
    for row in parameters::take_rows(&mut function.attrs, errors) {
        errors.at(row.attribute.path(), "a fixture has no cases; put `#[case(…)]` on the tests that ask for it");
    }
    refuse_foreign(&mut function.attrs, Owner::Fixture, errors);
    let parameters = parameters::take(&mut function.sig, Owner::Fixture, errors);
    for mark in phases::take(&mut function.block, Owner::Fixture, errors).marks {
        errors.push(syn::Error::new(mark.span, phases::misplaced(mark.phase.word(), Owner::Fixture)));
    }
    let mut made = made::made(&function, errors);
    let generics = generics::of_fixture(&function.sig.generics, &mut made, errors);
    Fixture { function, is_method, generics, scope, parameters, made }
}
