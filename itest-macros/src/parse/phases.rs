//! Parses the marks of phases in a body.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Block, Expr, Meta, Path, Stmt, Token};

use super::attributes::Role;
use super::words::{duration, suggestion, words};
use crate::errors::Errors;
use crate::invisible::without_group;
use crate::model::{Phase, PhaseMark, Phases};

const WITHIN: &str = "within = \"200ms\"";

/// Removes the marks from the statements of a body and parses them.
pub(super) fn take(block: &mut Block, role: Role, errors: &mut Errors) -> Phases {
    let mut phases = Phases { marks: Vec::new(), prelude: None, has_misplaced: false };
    for (position, statement) in block.stmts.iter_mut().enumerate() {
        let mut marks = marks_of(statement, position, errors);
        phases.has_misplaced |= marks.len() > 1;
        for second in marks.drain(1.min(marks.len())..) {
            errors.push(syn::Error::new(second.span, "a statement begins one phase; remove one of the marks"));
        }
        if phases.marks.is_empty() && marks.is_empty() && !matches!(statement, Stmt::Item(_)) {
            phases.prelude.get_or_insert(position);
        }
        phases.marks.extend(marks);
        phases.has_misplaced |= reject_misplaced_marks(statement, role, errors);
    }
    phases
}

/// The message for a mark in a wrong place.
pub(super) fn misplaced(word: &str, role: Role) -> String {
    let problem = match role {
        Role::Test => "marks a statement of the test's own body, not an item or what is in a block; move it",
        Role::Fixture => "marks a phase of a test; a fixture runs in its setup: remove it",
        Role::Teardown => "marks a phase of a test; a teardown function runs behind all of them: remove it",
        Role::Invariant => "marks a phase of a test; an invariant is a phase of its own: remove it",
    };
    format!("`#[{word}]` {problem}")
}

fn marks_of(statement: &mut Stmt, position: usize, errors: &mut Errors) -> Vec<PhaseMark> {
    let mut marks = Vec::new();
    if let Some(attributes) = attributes(statement) {
        attributes.retain(|attribute| match phase(attribute.path(), errors) {
            Some(phase) => {
                marks.push(mark(attribute, phase, position, errors));
                false
            }
            None => true,
        });
    }
    marks
}

/// The phase that an attribute begins. A misspelt attribute is reported and treated as the most similar phase.
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

/// Whether an attribute begins a phase. The attribute may have a condition.
pub(super) fn marks_phase(attribute: &Attribute) -> bool {
    let is_word =
        |token| matches!(token, TokenTree::Ident(word) if Phase::ALL.iter().any(|phase| word == phase.word()));
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => list.tokens.clone().into_iter().any(is_word),
        meta => Phase::from_path(meta.path()).is_some(),
    }
}

/// The attributes of a statement, in the part of the syntax tree to which the grammar assigns them.
pub(super) fn attributes(statement: &mut Stmt) -> Option<&mut Vec<Attribute>> {
    match statement {
        Stmt::Local(local) => Some(&mut local.attrs),
        Stmt::Macro(statement) => Some(&mut statement.attrs),
        Stmt::Expr(expression, _) => attributes_of(expression),
        Stmt::Item(_) => None,
    }
}

/// The attributes of an expression statement. In the grammar, an attribute before `a = b` or `a + b` belongs to `a`, but the user means
/// the statement.
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

fn mark(attribute: &Attribute, phase: Phase, statement: usize, errors: &mut Errors) -> PhaseMark {
    let mut mark = PhaseMark { phase, span: attribute.path().span(), description: None, within: None, statement };
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

/// Rejects marks inside blocks, closures and macros, because the order in which they are reached cannot be checked. The marks are removed,
/// because the compiler would report them as unknown attributes.
fn reject_misplaced_marks(statement: &mut Stmt, role: Role, errors: &mut Errors) -> bool {
    let (rest, misplaced_marks) = without_marks(statement.to_token_stream());
    for misplaced_mark in &misplaced_marks {
        errors.at(misplaced_mark, misplaced(&misplaced_mark.to_string(), role));
    }
    if !misplaced_marks.is_empty()
        && let Ok(statements) = Block::parse_within.parse2(rest)
        && let Ok([rest]) = <[Stmt; 1]>::try_from(statements)
    {
        *statement = rest;
    }
    !misplaced_marks.is_empty()
}

/// The tokens without marks, and the words of the removed marks at any depth.
pub(super) fn without_marks(tokens: TokenStream) -> (TokenStream, Vec<Ident>) {
    let mut rest = Vec::new();
    let mut words = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            rest.push(token);
            continue;
        };
        let after_pound = matches!(rest.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#');
        if after_pound && let Some(word) = mark_word(&group) {
            rest.pop();
            words.push(word);
            continue;
        }
        let (inner, mut deeper) = without_marks(group.stream());
        let mut stripped = Group::new(group.delimiter(), inner);
        stripped.set_span(group.span());
        rest.push(TokenTree::Group(if deeper.is_empty() { group } else { stripped }));
        words.append(&mut deeper);
    }
    (rest.into_iter().collect(), words)
}

/// The word `act` of `[act]`, `[act(…)]` and `[act = …]`. The content of the brackets may be in an invisible group of `macro_rules!`.
fn mark_word(group: &Group) -> Option<Ident> {
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let mut tokens = group.stream().into_iter();
    let mut first = tokens.next();
    while let Some(TokenTree::Group(invisible)) = &first {
        tokens = invisible.stream().into_iter();
        first = tokens.next();
    }
    let Some(TokenTree::Ident(word)) = first else { return None };
    let is_mark = Phase::ALL.iter().any(|phase| word == phase.word());
    let is_path = matches!(tokens.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    (is_mark && !is_path).then_some(word)
}
