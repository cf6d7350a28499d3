//! Parses tests and fixtures.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ForeignItemFn, Item, ItemFn, Stmt};

use super::attributes::{Role, reject_foreign_attributes};
use super::phases::without_marks;
use super::place::reject_method;
use super::{arguments, generics, over, parameters, phases, value_type};
use crate::errors::Errors;
use crate::invisible::with_parentheses;
use crate::model::{Fixture, Source, Test};
use crate::source;

/// Parses a function. If the item is not a function, reports that and returns the tokens that can remain.
pub(crate) fn function(item: TokenStream, attribute: &str, errors: &mut Errors) -> Result<ItemFn, TokenStream> {
    let contents = Contents::of(item.clone());
    let item = if contents.has_invisible_group { with_parentheses(item) } else { item };
    if !contents.has_mark
        && let Some(function) = with_opaque_body(item.clone())
    {
        return Ok(function);
    }
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
        // The message is at the item and not at the token at which syn stopped, because the attribute is on a wrong item.
        let first = other.to_token_stream().into_iter().next();
        errors.at(first, format_args!("`{attribute}` belongs on a function"));
        return Err(item);
    }
    let (rest, marks) = without_marks(item);
    // Without marks, the error was only that syn does not know the syntax of the body.
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

/// What the tokens of an item contain, at any depth.
#[derive(Default)]
struct Contents {
    /// Whether `macro_rules!` passed an argument in an invisible group.
    has_invisible_group: bool,
    /// Whether the body has an attribute that may be the mark of a phase: also under a condition, or misspelt.
    has_mark: bool,
}

impl Contents {
    fn of(item: TokenStream) -> Self {
        let mut contents = Self::default();
        let mut tokens = item.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if let TokenTree::Group(group) = token {
                // The body is the last token of a function. The attributes before it are not marks.
                let is_body = tokens.peek().is_none();
                contents.has_invisible_group |= group.delimiter() == Delimiter::None;
                contents.add(group.stream(), is_body);
            }
        }
        contents
    }

    fn add(&mut self, tokens: TokenStream, is_in_body: bool) {
        let mut is_after_pound = false;
        for token in tokens {
            let is_pound = matches!(&token, TokenTree::Punct(sign) if sign.as_char() == '#');
            if let TokenTree::Group(group) = token {
                self.has_invisible_group |= group.delimiter() == Delimiter::None;
                self.has_mark |= is_in_body && is_after_pound && may_be_mark(&group);
                self.add(group.stream(), is_in_body);
            }
            is_after_pound = is_pound;
        }
    }
}

/// Whether an attribute is not one that statements often have and that is certainly not the mark of a phase.
fn may_be_mark(attribute: &Group) -> bool {
    const OTHERS: [&str; 9] = ["allow", "cfg", "deny", "derive", "doc", "expect", "inline", "rustfmt", "warn"];
    let first = attribute.stream().into_iter().next();
    !matches!(first, Some(TokenTree::Ident(word)) if OTHERS.iter().any(|other| word == other))
}

/// Parses a function without its body, which is emitted unchanged. This is faster than parsing the statements, and the compiler reports
/// mistakes of syntax in them anyway. A body may also contain syntax that is newer than this version of syn.
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

/// Parses a test.
pub(crate) fn test(arguments: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Test {
    reject_method(&function, Role::Test, errors);
    let mut arguments = arguments::test(arguments, errors);
    let rows = parameters::take_rows(&mut function.attrs, errors);
    let over = over::take(&mut function.attrs, &function.sig.generics, errors);
    reject_foreign_attributes(&mut function.attrs, Role::Test, errors);
    generics::of_test(&function.sig.generics, over.as_ref(), errors);
    let parameters = parameters::take(&mut function.sig, Role::Test, errors);
    let phases = phases::take(&mut function.block, Role::Test, errors);
    let wants_rows = parameters.iter().any(|parameter| matches!(parameter.source, Source::Case(_)));
    arguments.has_no_cases |=
        wants_rows && rows.is_empty() && source::function_context(&function.sig.ident).has_conditional_rows;
    Test { function, arguments, over, parameters, rows, phases }
}

/// Parses a fixture.
pub(crate) fn fixture(arguments: TokenStream, mut function: ItemFn, errors: &mut Errors) -> Fixture {
    let is_method = reject_method(&function, Role::Fixture, errors);
    let scope = arguments::fixture(arguments, errors);
    for row in parameters::take_rows(&mut function.attrs, errors) {
        errors.at(row.attribute.path(), "a fixture has no cases; put `#[case(…)]` on the tests that ask for it");
    }
    reject_foreign_attributes(&mut function.attrs, Role::Fixture, errors);
    let parameters = parameters::take(&mut function.sig, Role::Fixture, errors);
    for mark in phases::take(&mut function.block, Role::Fixture, errors).marks {
        errors.push(syn::Error::new(mark.span, phases::misplaced(mark.phase.word(), Role::Fixture)));
    }
    let mut value_type = value_type::value_type(&function, errors);
    let generics = generics::of_fixture(&function.sig.generics, &mut value_type, errors);
    Fixture { function, is_method, generics, scope, parameters, value_type }
}
