//! `#[cfg(…)]` and `#[cfg_attr(…)]` in a function: on parameters, values, types and phases.
//!
//! The compiler does not evaluate these conditions before it calls the attribute macro, and the macro cannot evaluate them. The macro
//! therefore returns two variants of the function, one under `#[cfg(condition)]` and one under `#[cfg(not(condition))]`, each with the
//! macro's attribute. The compiler keeps one variant and calls the macro again, which then handles the next condition.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Block, Expr, FnArg, ItemFn, LitBool, Meta, Stmt, Token, parse_quote};

use super::attributes::is_lint;
use super::conditional::{Conditional, under_condition};
use super::over::{List, is_over};
use super::parameters::is_row;
use super::phases::{attributes, marks_phase};
use crate::placeholders::mentions;

/// An internal argument. It means that all values of a list were removed, so that the test has no cases.
pub(super) const NO_CASES: &str = "__itest_no_cases";

/// The two variants of the function for its first condition; `None` if the function has no condition.
pub(crate) fn split(attribute: &TokenStream, arguments: &TokenStream, function: &ItemFn) -> Option<TokenStream> {
    let mut search = Configuration { decided: None, first: None, is_empty: false };
    search.apply(&mut function.clone());
    let condition = search.first?;
    let variants = [true, false].map(|answer| {
        let mut configuration =
            Configuration { decided: Some((condition.to_string(), answer)), first: None, is_empty: false };
        let mut function = function.clone();
        configuration.apply(&mut function);
        let condition = if answer { condition.clone() } else { quote!(not(#condition)) };
        let no_cases = format_ident!("{NO_CASES}");
        let no_cases = (configuration.is_empty && !mentions(arguments, &[&no_cases])).then(|| quote!(#no_cases,));
        quote!(#[cfg(#condition)] #[#attribute(#no_cases #arguments)] #function)
    });
    Some(variants.into_iter().collect())
}

/// Applies one decided condition to a function and finds the next condition.
struct Configuration {
    /// The decided condition, and whether it holds.
    decided: Option<(String, bool)>,
    /// The first undecided condition.
    first: Option<TokenStream>,
    /// Whether all values of a list were removed. The list keeps its values nevertheless, so that it still parses.
    is_empty: bool,
}

impl Configuration {
    /// Applies the decided condition to the function.
    fn apply(&mut self, function: &mut ItemFn) {
        let inputs = std::mem::take(&mut function.sig.inputs);
        function.sig.inputs = inputs.into_pairs().filter_map(|pair| self.parameter(pair.into_value())).collect();
        for attribute in &mut function.attrs {
            if is_row(attribute) {
                self.values(attribute);
            } else if is_over(attribute) {
                self.types(attribute);
            }
        }
        self.statements(&mut function.block);
    }

    fn parameter(&mut self, mut parameter: FnArg) -> Option<FnArg> {
        let FnArg::Typed(typed) = &mut parameter else { return Some(parameter) };
        if !self.keeps(&mut typed.attrs) {
            return None;
        }
        for attribute in typed.attrs.iter_mut().filter(|attribute| attribute.path().is_ident("values")) {
            self.values(attribute);
        }
        Some(parameter)
    }

    /// Handles only the statements that begin a phase. The compiler handles the conditions of all other statements.
    fn statements(&mut self, block: &mut Block) {
        block.stmts.retain_mut(|statement: &mut Stmt| match attributes(statement) {
            Some(attributes) if attributes.iter().any(marks_phase) => self.keeps(attributes),
            _ => true,
        });
    }

    /// The values of a row or of `#[values(…)]`.
    fn values(&mut self, attribute: &mut Attribute) {
        let Meta::List(list) = &mut attribute.meta else { return };
        // A list that does not parse is reported later, when the function itself is parsed.
        let Ok(values) = list.parse_args_with(Punctuated::<Conditional<Expr>, Token![,]>::parse_terminated) else {
            return;
        };
        let all: Vec<Conditional<Expr>> = values.into_iter().collect();
        let is_row = list.path.segments.first().is_some_and(|first| first.ident == "case");
        if let Some(remaining) = self.remaining(all, if is_row { WhenEmpty::Empty } else { WhenEmpty::Unchanged }) {
            list.tokens = quote!(#(#remaining),*);
        }
    }

    /// The types of `#[over(…)]`.
    fn types(&mut self, attribute: &mut Attribute) {
        let Meta::List(list) = &mut attribute.meta else { return };
        let Ok(mut types) = list.parse_args::<List>() else { return };
        let all = std::mem::take(&mut types.entries);
        if let Some(remaining) = self.remaining(all, WhenEmpty::Unchanged) {
            types.entries = remaining;
            list.tokens = types.to_token_stream();
        }
    }

    /// The remaining entries of a list; `None` if the list has no condition.
    fn remaining<T: Clone>(&mut self, all: Vec<Conditional<T>>, when_empty: WhenEmpty) -> Option<Vec<Conditional<T>>> {
        if all.iter().all(|entry| entry.attributes.is_empty()) {
            return None;
        }
        let mut remaining = all.clone();
        remaining.retain_mut(|entry| self.keeps(&mut entry.attributes));
        if remaining.is_empty() && when_empty == WhenEmpty::Unchanged {
            self.is_empty = true;
            remaining = all.into_iter().map(|entry| Conditional { attributes: Vec::new(), ..entry }).collect();
        }
        Some(remaining)
    }

    /// Whether the item with these attributes is kept. The decided conditions are removed from the attributes.
    fn keeps(&mut self, attributes: &mut Vec<Attribute>) -> bool {
        let mut is_kept = true;
        for attribute in std::mem::take(attributes) {
            let Some(condition) = Condition::of(&attribute) else {
                attributes.push(attribute);
                continue;
            };
            match (self.answer(&condition), condition.effect) {
                (None, _) => attributes.push(attribute),
                (Some(true), Effect::Keep) | (Some(false), Effect::AddAttributes(_)) => {}
                (Some(false), Effect::Keep) => is_kept = false,
                (Some(true), Effect::AddAttributes(metas)) => {
                    attributes.extend(metas.into_iter().map(|meta| -> Attribute { parse_quote!(#[#meta]) }));
                }
            }
        }
        is_kept
    }

    fn answer(&mut self, condition: &Condition) -> Option<bool> {
        let text = condition.predicate.to_string();
        match &self.decided {
            Some((decided, answer)) if *decided == text => Some(*answer != condition.is_negated),
            _ => {
                self.first.get_or_insert_with(|| condition.predicate.clone());
                None
            }
        }
    }
}

/// What happens to a list whose entries are all removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenEmpty {
    Empty,
    Unchanged,
}

/// The condition of `#[cfg(predicate)]` or `#[cfg_attr(predicate, …)]`.
struct Condition {
    predicate: TokenStream,
    is_negated: bool,
    effect: Effect,
}

/// The effect of a condition that holds.
enum Effect {
    /// The item with the attribute is kept.
    Keep,
    /// The item gets these attributes.
    AddAttributes(Vec<Meta>),
}

impl Condition {
    fn of(attribute: &Attribute) -> Option<Self> {
        let Meta::List(list) = &attribute.meta else { return None };
        if list.path.is_ident("cfg") {
            let predicate = syn::parse2::<Meta>(list.tokens.clone());
            let is_readable = predicate.is_ok() || syn::parse2::<LitBool>(list.tokens.clone()).is_ok();
            return is_readable.then(|| Self::new(list.tokens.clone(), Effect::Keep));
        }
        // The compiler itself handles conditions on lints.
        if !list.path.is_ident("cfg_attr") || is_lint(attribute) {
            return None;
        }
        let (predicate, metas) = under_condition(list)?;
        Some(Self::new(predicate, Effect::AddAttributes(metas)))
    }

    fn new(predicate: TokenStream, effect: Effect) -> Self {
        let mut condition = Self { predicate, is_negated: false, effect };
        while let Some(inner) = negated(&condition.predicate) {
            condition.predicate = inner;
            condition.is_negated = !condition.is_negated;
        }
        condition
    }
}

/// The predicate in `not(predicate)`.
fn negated(predicate: &TokenStream) -> Option<TokenStream> {
    let mut tokens = predicate.clone().into_iter();
    match (tokens.next(), tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(not)), Some(TokenTree::Group(group)), None)
            if not == "not" && group.delimiter() == Delimiter::Parenthesis =>
        {
            Some(group.stream())
        }
        _ => None,
    }
}
