//! The parsed form of the functions under the attribute macros.

use std::time::Duration;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Attribute, Expr, GenericParam, Generics, Ident, ItemFn, LitStr, Path, Type};

use crate::placeholders::mentions;

/// A function under `#[integration_test]`.
pub(crate) struct Test {
    /// The user's function without the attributes of itest.
    pub(crate) function: ItemFn,
    pub(crate) arguments: Arguments,
    /// The attribute `#[over(...)]`.
    pub(crate) over: Option<Over>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) rows: Vec<Row>,
    pub(crate) phases: Phases,
}

/// The types that a test runs over.
pub(crate) struct Over {
    /// The type parameter that the types replace; `None` if a mistake in the list is already reported.
    pub(crate) parameter: Option<Ident>,
    pub(crate) types: Vec<OverType>,
}

/// One of the types, and the name of its case.
pub(crate) struct OverType {
    pub(crate) case: String,
    pub(crate) written: Type,
}

/// A function under `#[fixture]`.
pub(crate) struct Fixture {
    pub(crate) function: ItemFn,
    /// Whether the function is in an `impl` or `trait` block, where no trait implementation can be emitted next to it.
    pub(crate) is_method: bool,
    /// The function's generic parameters without its lifetimes. The dependent chooses them by naming the type.
    pub(crate) generics: Generics,
    pub(crate) scope: Scope,
    pub(crate) parameters: Vec<Parameter>,
    /// The type of the fixture; `None` if a mistake in the return type is already reported.
    pub(crate) value_type: Option<Type>,
}

/// A function under `#[teardown]`.
pub(crate) struct TeardownFunction {
    /// The function with the attributes that affect its body.
    pub(crate) function: ItemFn,
    /// The attributes that belong to the function's name, such as documentation and lints.
    pub(crate) attributes: Vec<Attribute>,
    /// Whether the function is in an `impl` or `trait` block.
    pub(crate) is_method: bool,
    /// The type of the parameter; `None` if a mistake in the parameter is already reported.
    pub(crate) argument: Option<Type>,
}

/// A function under `#[invariant]`.
pub(crate) struct Invariant {
    pub(crate) function: ItemFn,
    /// The time limit; `None` if the function has none of its own.
    pub(crate) timeout: Option<Duration>,
    pub(crate) parameters: Vec<Parameter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Test,
    Worker,
    Session,
    /// The scope is unknown, which is already reported.
    Invalid,
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
    /// The word `workflow`, for the location of messages.
    pub(crate) workflow: Option<Ident>,
    /// Whether the test has no cases, because no condition of its rows or values holds.
    pub(crate) has_no_cases: bool,
}

/// The arguments that choose the runtime of a test's body. Each has its path, for the location of messages.
#[derive(Default)]
pub(crate) struct RuntimeArguments {
    pub(crate) threads: Option<(Path, u16)>,
    pub(crate) flavor: Option<(Path, Flavor)>,
    /// The path of the argument if it is `start_paused = true`. `start_paused = false` is the default.
    pub(crate) start_paused: Option<Path>,
}

/// The flavor of a tokio runtime, as in `#[tokio::test]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    CurrentThread,
    MultiThread,
    /// The flavor is unknown, which is already reported.
    Invalid,
}

/// The runtime that these arguments choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChosenRuntime {
    Worker,
    Threads(u16),
    CurrentThread,
}

impl RuntimeArguments {
    /// The runtime that the arguments choose. `check` rejects `threads` together with a current-thread flavor.
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
    /// The type in the source, with its `&`.
    pub(crate) written: Type,
    pub(crate) source: Source,
}

/// The source of a parameter's value.
#[derive(Clone)]
pub(crate) enum Source {
    /// A fixture of this type (without the `&`).
    Fixture(Access, Type),
    /// The attribute `#[case]`, for the location of messages.
    Case(Attribute),
    /// The cases of `#[files(...)]` or `#[cases(...)]`, which are found when the suite starts.
    RunTime(Attribute, Finder),
    /// The name of the parameter and the values of `#[values(...)]`.
    Values(String, Vec<Expr>),
    /// The parameter is invalid, which is already reported.
    Invalid,
}

/// What finds cases when the suite starts.
#[derive(Clone)]
pub(crate) enum Finder {
    /// Patterns of files.
    Files(Vec<LitStr>),
    /// A function that returns the cases.
    Function(Path),
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
    /// The values; `None` if a mistake in them is already reported.
    pub(crate) values: Option<Vec<Expr>>,
}

/// The phases of a body.
pub(crate) struct Phases {
    pub(crate) marks: Vec<PhaseMark>,
    /// The position of the first statement if it is before the first mark. Items do not count as statements.
    pub(crate) prelude: Option<usize>,
    /// Whether a misplaced mark is already reported. The order of the other marks is not checked then.
    pub(crate) has_misplaced: bool,
}

/// The mark of a phase: `#[arrange]`, `#[act]` or `#[assert]`.
pub(crate) struct PhaseMark {
    pub(crate) phase: Phase,
    /// The span of the attribute's path, for the location of messages.
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
    /// The names of the generic parameters.
    pub(crate) fn placeholders(&self) -> Vec<&Ident> {
        let name = |generic| match generic {
            &GenericParam::Lifetime(_) => None,
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
        };
        self.generics.params.iter().filter_map(name).collect()
    }

    /// The dependencies whose types contain a generic parameter. Their types are known only when a test requests this fixture.
    pub(crate) fn generic_dependencies(&self) -> Vec<(Access, &Type)> {
        let names = self.placeholders();
        let mut open = Vec::new();
        for parameter in &self.parameters {
            if let Source::Fixture(access, requested) = &parameter.source
                && mentions(requested, &names)
            {
                open.push((*access, requested));
            }
        }
        open
    }
}

impl Test {
    /// What finds the test's cases when the suite starts.
    pub(crate) fn finder(&self) -> Option<&Finder> {
        self.parameters.iter().find_map(|parameter| match &parameter.source {
            Source::RunTime(_, finder) => Some(finder),
            _ => None,
        })
    }

    /// The type of the parameter whose values are found when the suite starts.
    pub(crate) fn run_time_type(&self) -> Option<&Type> {
        let is_run_time = |parameter: &&Parameter| matches!(parameter.source, Source::RunTime(..));
        self.parameters.iter().find(is_run_time).map(|parameter| &parameter.written)
    }

    /// The names of all cases: the rows combined with the values; empty for a test without either.
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

    /// The names of the rows. A row without a name is `case_N`.
    pub(crate) fn row_names(&self) -> Vec<String> {
        (1..)
            .zip(&self.rows)
            .map(|(number, row)| {
                row.name.as_ref().map_or_else(|| format!("case_{number}"), |name| name.unraw().to_string())
            })
            .collect()
    }
}

/// The names of values, such as `retries_3` for `#[values(3)] retries`. The values are numbered if their texts are too long or not unique.
fn labels(name: &str, values: &[Expr]) -> Vec<String> {
    // A leading underscore only marks an unused parameter and does not belong in the name.
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
    fn case_is_named_after_its_value() {
        let values = [parse_quote!(-1), parse_quote!(1.5), parse_quote!("tok-visa"), parse_quote!(Status::Paid)];
        assert_eq!(labels("v", &values), ["v_minus_1", "v_1_5", "v_tok_visa", "v_Paid"]);
    }

    #[test]
    fn values_with_equal_or_long_names_are_numbered() {
        assert_eq!(labels("_v", &[parse_quote!(1)]), ["v_1"]);
        assert_eq!(labels("v", &[parse_quote!("a b"), parse_quote!("a-b")]), ["v_1", "v_2"]);
        assert_eq!(labels("v", &[parse_quote!(""), parse_quote!("b")]), ["v_1", "v_2"]);
        let long = "x".repeat(33);
        assert_eq!(labels("v", &[parse_quote!(#long), parse_quote!("b")]), ["v_1", "v_2"]);
    }
}
