//! The marks of phases in a body.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Block, Expr, Meta, Path, Stmt, Token};

use super::attributes::Owner;
use super::words::{duration, suggestion, words};
use crate::errors::Errors;
use crate::invisible::without_group;
use crate::model::{Mark, Phase, Phases};

const WITHIN: &str = "within = \"200ms\"";

/// Takes the marks from the statements of a body.
pub(super) fn take(block: &mut Block, owner: Owner, errors: &mut Errors) -> Phases {
    let mut phases = Phases { marks: Vec::new(), prelude: None, has_strays: false };
    for (position, statement) in block.stmts.iter_mut().enumerate() {
        let mut found = marks_of(statement, position, errors);
        phases.has_strays |= found.len() > 1;
        for second in found.drain(1.min(found.len())..) {
            errors.push(syn::Error::new(second.span, "a statement begins one phase; remove one of the marks"));
        }
        if phases.marks.is_empty() && found.is_empty() && !matches!(statement, Stmt::Item(_)) {
            phases.prelude.get_or_insert(position);
        }
        phases.marks.extend(found);
        phases.has_strays |= refuse_strays(statement, owner, errors);
    }
    phases
}

/// What a mark is told that stands where no phase can be.
pub(super) fn misplaced(word: &str, owner: Owner) -> String {
    let complaint = match owner {
        Owner::Test => "marks a statement of the test's own body, not an item or what is in a block; move it",
        Owner::Fixture => "marks a phase of a test; a fixture runs in its setup: remove it",
        Owner::Teardown => "marks a phase of a test; a teardown function runs behind all of them: remove it",
    };
    format!("`#[{word}]` {complaint}")
}

fn marks_of(statement: &mut Stmt, position: usize, errors: &mut Errors) -> Vec<Mark> {
    let mut found = Vec::new();
    if let Some(attributes) = attributes(statement) {
        attributes.retain(|attribute| match phase(attribute.path(), errors) {
            Some(phase) => {
                found.push(mark(attribute, phase, position, errors));
                false
            }
            None => true,
        });
    }
    found
}

/// The phase that an attribute begins, also where its word is misspelt.
fn phase(path: &Path, errors: &mut Errors) -> Option<Phase> {
    if let Some(phase) = Phase::from_path(path) {
        return Some(phase);
    }
    let word = path.get_ident()?.to_string();
    let likely =
        Phase::ALL.into_iter().find(|phase| strsim::osa_distance(&word, phase.word()) <= phase.word().len() / 3)?;
    errors.at(path, format_args!("unknown phase `#[{word}]`; did you mean `#[{}]`?", likely.word()));
    Some(likely)
}

/// Whether an attribute begins a phase, if need be under a condition.
pub(super) fn marks_phase(attribute: &Attribute) -> bool {
    let is_word =
        |token| matches!(token, TokenTree::Ident(word) if Phase::ALL.iter().any(|phase| word == phase.word()));
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => list.tokens.clone().into_iter().any(is_word),
        meta => Phase::from_path(meta.path()).is_some(),
    }
}

/// The attributes of a statement, wherever the grammar puts them.
pub(super) fn attributes(statement: &mut Stmt) -> Option<&mut Vec<Attribute>> {
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
        Expr::Continue(expression) => Some(&mut expression.attrs),
        Expr::Field(expression) => Some(&mut expression.attrs),
        Expr::ForLoop(expression) => Some(&mut expression.attrs),
        Expr::Group(expression) => Some(&mut expression.attrs),
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
        Expr::RawAddr(expression) => Some(&mut expression.attrs),
        Expr::Reference(expression) => Some(&mut expression.attrs),
        Expr::Repeat(expression) => Some(&mut expression.attrs),
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
    let word = phase.word();
    let list = match &attribute.meta {
        Meta::Path(_) => return mark,
        Meta::List(list) => list,
        Meta::NameValue(pair) => {
            errors.at(pair, format_args!("a description is written `#[{word}(\"words\")]`"));
            return mark;
        }
    };
    let Ok(arguments) = list.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated) else {
        let message = format!("expected a description, as in `{word}(\"words\")`");
        errors.at(&list.tokens, message);
        return mark;
    };
    for argument in &arguments {
        match without_group(argument) {
            Expr::Assign(pair) => {
                let name = pair.left.to_token_stream().to_string();
                if name != "within" {
                    let hint = suggestion(&name, &["within"]);
                    errors.at(&pair.left, format_args!("unknown argument `{name}`; {hint}"));
                } else if mark.within.is_some() {
                    errors.at(&pair.left, "`within` stands here twice; remove one");
                } else {
                    mark.within = duration(&pair.right, WITHIN, errors);
                }
            }
            Expr::Path(name) if name.path.is_ident("within") => {
                errors.at(name, format_args!("expected a value, as in `{WITHIN}`"));
            }
            value if mark.description.is_none() => {
                mark.description = words(value, &format!("{word}(\"words\")"), errors);
            }
            second => errors.at(second, "a phase has one description; put the words together"),
        }
    }
    mark
}

/// Marks inside of blocks, closures and macros would be reached in an order that nobody can check. They are taken away,
/// for the compiler would call them unknown.
fn refuse_strays(statement: &mut Stmt, owner: Owner, errors: &mut Errors) -> bool {
    let (rest, strays) = without_marks(statement.to_token_stream());
    for stray in &strays {
        errors.at(stray, misplaced(&stray.to_string(), owner));
    }
    if !strays.is_empty()
        && let Ok(statements) = Block::parse_within.parse2(rest)
        && let Ok([rest]) = <[Stmt; 1]>::try_from(statements)
    {
        *statement = rest;
    }
    !strays.is_empty()
}

/// Tokens without marks, and the words of the marks that stood there, however deep.
pub(super) fn without_marks(tokens: TokenStream) -> (TokenStream, Vec<Ident>) {
    let mut rest = Vec::new();
    let mut found = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            rest.push(token);
            continue;
        };
        let after_pound = matches!(rest.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#');
        if after_pound && let Some(word) = mark_word(&group) {
            rest.pop();
            found.push(word);
            continue;
        }
        let (inner, mut deeper) = without_marks(group.stream());
        let mut stripped = Group::new(group.delimiter(), inner);
        stripped.set_span(group.span());
        rest.push(TokenTree::Group(if deeper.is_empty() { group } else { stripped }));
        found.append(&mut deeper);
    }
    (rest.into_iter().collect(), found)
}

/// `act` of `[act]`, `[act(…)]` and `[act = …]`, also where `macro_rules!` hands on what stands in the brackets.
fn mark_word(group: &Group) -> Option<Ident> {
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut tokens = group.stream().into_iter();
    let mut first = tokens.next();
    while let Some(TokenTree::Group(handed_on)) = &first {
        tokens = handed_on.stream().into_iter();
        first = tokens.next();
    }
    let Some(TokenTree::Ident(word)) = first else { return None };
    let is_mark = Phase::ALL.iter().any(|phase| word == phase.word());
    let is_path = matches!(tokens.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    (is_mark && !is_path).then_some(word)
}
