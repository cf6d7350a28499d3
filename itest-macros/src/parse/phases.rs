//! The marks of phases in a body.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Block, Expr, Meta, Stmt, Token};

use super::words::{duration, suggestion, text};
use crate::errors::Errors;
use crate::model::{Mark, Phase};

/// Takes the marks from the statements of a body; also says whether anything but items stands before the first.
pub(super) fn take(block: &mut Block, errors: &mut Errors) -> (Vec<Mark>, bool) {
    let mut marks: Vec<Mark> = Vec::new();
    let mut has_prelude = false;
    for (position, statement) in block.stmts.iter_mut().enumerate() {
        let mut found = Vec::new();
        if let Some(attributes) = attributes(statement) {
            attributes.retain(|attribute| match Phase::from_path(attribute.path()) {
                Some(phase) => {
                    found.push(mark(attribute, phase, position, errors));
                    false
                }
                None => true,
            });
        }
        for second in found.drain(1.min(found.len())..) {
            let message = "a statement begins one phase; remove one of the marks";
            errors.push(syn::Error::new(second.span, message));
        }
        if marks.is_empty() && found.is_empty() {
            has_prelude |= !matches!(statement, Stmt::Item(_));
        }
        marks.extend(found);
        refuse_nested(&statement.to_token_stream(), errors);
    }
    (marks, has_prelude)
}

/// The attributes of a statement, wherever the grammar puts them.
fn attributes(statement: &mut Stmt) -> Option<&mut Vec<Attribute>> {
    match statement {
        Stmt::Local(local) => Some(&mut local.attrs),
        Stmt::Macro(statement) => Some(&mut statement.attrs),
        Stmt::Expr(expression, _) => attributes_of(expression),
        Stmt::Item(_) => None,
    }
}

/// An attribute before `a = b` or `a + b` belongs to `a` in the grammar, and to the statement in the eyes of its writer.
fn attributes_of(expression: &mut Expr) -> Option<&mut Vec<Attribute>> {
    match expression {
        Expr::Assign(expression) => attributes_of(&mut expression.left),
        Expr::Binary(expression) => attributes_of(&mut expression.left),
        Expr::Cast(expression) => attributes_of(&mut expression.expr),
        Expr::Array(expression) => Some(&mut expression.attrs),
        Expr::Async(expression) => Some(&mut expression.attrs),
        Expr::Await(expression) => Some(&mut expression.attrs),
        Expr::Block(expression) => Some(&mut expression.attrs),
        Expr::Break(expression) => Some(&mut expression.attrs),
        Expr::Call(expression) => Some(&mut expression.attrs),
        Expr::Closure(expression) => Some(&mut expression.attrs),
        Expr::Const(expression) => Some(&mut expression.attrs),
        Expr::Field(expression) => Some(&mut expression.attrs),
        Expr::ForLoop(expression) => Some(&mut expression.attrs),
        Expr::If(expression) => Some(&mut expression.attrs),
        Expr::Index(expression) => Some(&mut expression.attrs),
        Expr::Let(expression) => Some(&mut expression.attrs),
        Expr::Lit(expression) => Some(&mut expression.attrs),
        Expr::Loop(expression) => Some(&mut expression.attrs),
        Expr::Macro(expression) => Some(&mut expression.attrs),
        Expr::Match(expression) => Some(&mut expression.attrs),
        Expr::MethodCall(expression) => Some(&mut expression.attrs),
        Expr::Paren(expression) => Some(&mut expression.attrs),
        Expr::Path(expression) => Some(&mut expression.attrs),
        Expr::Range(expression) => Some(&mut expression.attrs),
        Expr::Reference(expression) => Some(&mut expression.attrs),
        Expr::Return(expression) => Some(&mut expression.attrs),
        Expr::Struct(expression) => Some(&mut expression.attrs),
        Expr::Try(expression) => Some(&mut expression.attrs),
        Expr::Tuple(expression) => Some(&mut expression.attrs),
        Expr::Unary(expression) => Some(&mut expression.attrs),
        Expr::Unsafe(expression) => Some(&mut expression.attrs),
        Expr::While(expression) => Some(&mut expression.attrs),
        _ => None,
    }
}

fn mark(attribute: &Attribute, phase: Phase, statement: usize, errors: &mut Errors) -> Mark {
    let mut mark = Mark { phase, span: attribute.path().span(), description: None, within: None, statement };
    let list = match &attribute.meta {
        Meta::Path(_) => return mark,
        Meta::List(list) => list,
        Meta::NameValue(pair) => {
            let word = phase.word();
            errors.at(pair, format_args!("a description is written `#[{word}(\"words\")]`"));
            return mark;
        }
    };
    let arguments = match list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
        Ok(arguments) => arguments,
        Err(error) => {
            errors.push(error);
            return mark;
        }
    };
    let example = format!("{}(\"words\", within = \"200ms\")", phase.word());
    for argument in arguments {
        match argument {
            Expr::Assign(pair) => {
                let name = pair.left.to_token_stream().to_string();
                if name != "within" {
                    let hint = suggestion(&name, &["within"]);
                    errors.at(&pair.left, format_args!("unknown argument `{name}`; {hint}"));
                } else if mark.within.is_some() {
                    errors.at(&pair.left, "`within` stands here twice; remove one");
                } else {
                    mark.within = duration(&pair.right, &example, errors);
                }
            }
            value if mark.description.is_none() => mark.description = text(&value, &example, errors),
            second => errors.at(second, "a phase has one description"),
        }
    }
    if let Some(description) = mark.description.as_ref().filter(|description| description.value().trim().is_empty()) {
        errors.at(description, "an empty description says nothing; write words or leave it out");
    }
    mark
}

/// Marks inside of blocks, closures and macros would be reached in an order that nobody can check.
fn refuse_nested(tokens: &TokenStream, errors: &mut Errors) {
    for mark in nested(tokens) {
        errors.at(
            &mark,
            format_args!("`#[{mark}]` marks a statement of the test's own body, not of a block inside it; move it out"),
        );
    }
}

fn nested(tokens: &TokenStream) -> Vec<Ident> {
    let mut found = Vec::new();
    let mut after_pound = false;
    for token in tokens.clone() {
        if let TokenTree::Group(group) = &token {
            let word = match group.stream().into_iter().next() {
                Some(TokenTree::Ident(word)) if after_pound && group.delimiter() == Delimiter::Bracket => Some(word),
                _ => None,
            };
            match word.filter(|word| Phase::ALL.iter().any(|phase| word == phase.word())) {
                Some(word) => found.push(word),
                None => found.extend(nested(&group.stream())),
            }
        }
        after_pound = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
    found
}
