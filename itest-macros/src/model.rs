//! What the macros understand of a function.

use std::time::Duration;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, GenericParam, Generics, Ident, ItemFn, LitStr, Path, Type};

use crate::placeholders::mentions;

/// A function under `#[integration_test]`.
pub(crate) struct Test {
    /// The user's function, without our attributes.
    pub(crate) function: ItemFn,
    pub(crate) arguments: Arguments,
    /// `#[over(...)]`
    pub(crate) over: Option<Over>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rows: Vec<Row>,
    pub(crate) phases: Phases,
}

/// The types that a test runs over.
pub(crate) struct Over {
    /// The parameter in whose place they are put; `None`: it was told already that the list is wrong.
    pub(crate) parameter: Option<Ident>,
    pub(crate) backends: Vec<Backend>,
}

/// One of the types, and the name of its cases.
pub(crate) struct Backend {
    pub(crate) case: String,
    pub(crate) written: Type,
}

/// A function under `#[fixture]`.
pub(crate) struct Fixture {
    pub(crate) function: ItemFn,
    /// It does not stand at module level, where an implementation can stand beside it.
    pub(crate) is_method: bool,
    /// What whoever asks for the type chooses: the function's generic parameters without its lifetimes.
    pub(crate) generics: Generics,
    pub(crate) scope: Scope,
    pub(crate) parameters: Vec<Parameter>,
    /// The type that is made; `None`: it was told already that the return type does not say.
    pub(crate) made: Option<Type>,
}

/// A function under `#[teardown]`.
pub(crate) struct TeardownFunction {
    /// With the attributes that change it.
    pub(crate) function: ItemFn,
    /// The attributes that speak about its name: documentation, lints.
    pub(crate) attributes: Vec<Attribute>,
    /// It does not stand at module level.
    pub(crate) is_method: bool,
    /// The type of its parameter; `None`: it was told already that nobody knows it.
    pub(crate) argument: Option<Type>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Test,
    Worker,
    Session,
    /// It was told already that there is no such scope.
    Wrong,
}

/// The arguments of `#[integration_test(...)]`.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<u32>,
    pub(crate) serial: Option<String>,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) covers: Vec<LitStr>,
    pub(crate) ignore: Option<LitStr>,
    pub(crate) runtime: RuntimeArguments,
    /// The word itself, to point at.
    pub(crate) workflow: Option<Ident>,
    /// No condition holds under which the test would have a case.
    pub(crate) has_no_cases: bool,
}

/// The arguments that choose the runtime of a test's body. Each has its name, because messages point at it.
#[derive(Default)]
pub(crate) struct RuntimeArguments {
    pub(crate) threads: Option<(Path, u16)>,
    pub(crate) flavor: Option<(Path, Flavor)>,
    /// The name of `start_paused = true`; `start_paused = false` is the default.
    pub(crate) start_paused: Option<Path>,
}

/// The flavors of a tokio runtime, in the words of `#[tokio::test]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
    /// The parser has reported that there is no such flavor.
    Wrong,
}

/// The runtime that these arguments choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChosenRuntime {
    Worker,
    Threads(u16),
    CurrentThread,
}

impl RuntimeArguments {
    /// Current-thread has no number of threads: `check` refuses the two together.
    pub(crate) fn chosen(&self) -> ChosenRuntime {
        match (&self.flavor, &self.threads) {
            (Some((_, Flavor::CurrentThread)), _) => ChosenRuntime::CurrentThread,
            (_, Some((_, threads))) => ChosenRuntime::Threads(*threads),
            (_, None) => ChosenRuntime::Worker,
        }
    }
}

impl Arguments {
    pub(crate) fn is_plain(&self) -> bool {
        self.timeout.is_none()
            && self.retries.is_none()
            && self.serial.is_none()
            && self.tags.is_empty()
            && self.covers.is_empty()
            && self.ignore.is_none()
            && self.runtime.chosen() == ChosenRuntime::Worker
    }
}

/// One parameter of the function.
#[derive(Clone)]
pub(crate) struct Parameter {
    /// The type as it is written, with its `&`.
    pub(crate) written: Type,
    pub(crate) source: Source,
}

/// Where a parameter's value comes from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A fixture of this type (without the `&`).
    Fixture(Access, Type),
    /// `#[case]`: the attribute, to point at.
    Case(Attribute),
    /// `#[values(...)]`: the name and the values.
    Values(String, Vec<Expr>),
    /// It was told already that this cannot be.
    Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Owned,
    Shared,
    Exclusive,
}

/// One `#[case(...)]`.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) attribute: Attribute,
    pub(crate) name: Option<Ident>,
    /// `None`: it was told already that they cannot be read.
    pub(crate) values: Option<Vec<Expr>>,
}

/// The phases of a body.
pub(crate) struct Phases {
    pub(crate) marks: Vec<Mark>,
    /// The first statement, if it stands before the first mark; items are none.
    pub(crate) prelude: Option<usize>,
    /// It was told already that a mark stands where none can: the order of the others says nothing.
    pub(crate) has_strays: bool,
}

/// One `#[arrange]`, `#[act]` or `#[assert]`.
pub(crate) struct Mark {
    pub(crate) phase: Phase,
    /// The word, to point at.
    pub(crate) span: Span,
    pub(crate) description: Option<LitStr>,
    pub(crate) within: Option<Duration>,
    /// The position of its statement in the body.
    pub(crate) statement: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Arrange,
    Act,
    Assert,
}

impl Phase {
    pub(crate) const ALL: [Self; 3] = [Self::Arrange, Self::Act, Self::Assert];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Arrange => "arrange",
            Self::Act => "act",
            Self::Assert => "assert",
        }
    }

    pub(crate) fn from_path(path: &Path) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| path.is_ident(phase.word()))
    }
}

impl Fixture {
    /// The names of what is generic.
    pub(crate) fn placeholders(&self) -> Vec<&Ident> {
        let name = |generic| match generic {
            &GenericParam::Lifetime(_) => None,
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
        };
        self.generics.params.iter().filter_map(name).collect()
    }

    /// The fixtures it asks for whose types are known only when somebody asks for this one.
    pub(crate) fn open_dependencies(&self) -> Vec<(Access, &Type)> {
        let names = self.placeholders();
        let mut open = Vec::new();
        for parameter in &self.parameters {
            if let Source::Fixture(access, asked) = &parameter.source
                && mentions(asked, &names)
            {
                open.push((*access, asked));
            }
        }
        open
    }
}

impl Test {
    /// The name of every case: rows times values; empty for a test that is its own only case.
    ///
    /// The last `#[values]` parameter changes fastest.
    pub(crate) fn case_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.row_names();
        for parameter in &self.parameters {
            let Source::Values(name, values) = &parameter.source else { continue };
            let labels = labels(name, values);
            let with_label = |base: &String| {
                let base = if base.is_empty() { String::new() } else { format!("{base}::") };
                labels.iter().map(move |label| format!("{base}{label}")).collect::<Vec<_>>()
            };
            let bases = if names.is_empty() { vec![String::new()] } else { names };
            names = bases.iter().flat_map(with_label).collect();
        }
        names
    }

    /// The names of the rows: their own, or `case_N`.
    pub(crate) fn row_names(&self) -> Vec<String> {
        (1..)
            .zip(&self.rows)
            .map(|(number, row)| {
                row.name.as_ref().map_or_else(|| format!("case_{number}"), |name| name.unraw().to_string())
            })
            .collect()
    }
}

/// `retries_3` for `#[values(3)] retries`; by number where the values' texts are too long or not different.
fn labels(name: &str, values: &[Expr]) -> Vec<String> {
    // An underscore that only says "not used" says nothing in a name.
    let name = name.trim_start_matches('_');
    let texts: Vec<String> = values.iter().map(readable).collect();
    let all_differ = texts.iter().enumerate().all(|(position, text)| !texts[..position].contains(text));
    let all_fit = texts.iter().all(|text| !text.is_empty() && text.len() <= 32);
    (1..)
        .zip(texts)
        .map(|(number, text)| if all_differ && all_fit { format!("{name}_{text}") } else { format!("{name}_{number}") })
        .collect()
}

/// A value's text as part of a name: letters, digits and single underscores.
fn readable(value: &Expr) -> String {
    let text = quote::ToTokens::to_token_stream(value).to_string();
    let text = text.rsplit("::").next().unwrap_or_default();
    let text = text.strip_prefix('-').map_or_else(|| text.to_owned(), |positive| format!("minus {positive}"));
    let words = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect::<String>();
    words.split_whitespace().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_value_names_its_case() {
        let values = [parse_quote!(-1), parse_quote!(1.5), parse_quote!("tok-visa"), parse_quote!(Status::Paid)];
        assert_eq!(labels("v", &values), ["v_minus_1", "v_1_5", "v_tok_visa", "v_Paid"]);
    }

    #[test]
    fn values_that_look_alike_are_numbered() {
        assert_eq!(labels("_v", &[parse_quote!(1)]), ["v_1"]);
        assert_eq!(labels("v", &[parse_quote!("a b"), parse_quote!("a-b")]), ["v_1", "v_2"]);
        assert_eq!(labels("v", &[parse_quote!(""), parse_quote!("b")]), ["v_1", "v_2"]);
        let long = "x".repeat(33);
        assert_eq!(labels("v", &[parse_quote!(#long), parse_quote!("b")]), ["v_1", "v_2"]);
    }
}
