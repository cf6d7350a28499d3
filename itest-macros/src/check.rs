//! Validation of a function as a whole: rows against parameters, borrows, the runtime, and the order of phases.

use quote::ToTokens;
use syn::Attribute;

use crate::errors::Errors;
use crate::model::{Access, Fixture, Flavor, Parameter, Phase, PhaseMark, Phases, Row, RuntimeArguments, Source, Test};

/// Validates a test.
pub(crate) fn test(test: &Test, errors: &mut Errors) {
    rows(test, errors);
    run_time_cases(test, errors);
    borrows(test, errors);
    runtime(test, errors);
    phases(test, errors);
}

/// Validates a fixture.
pub(crate) fn fixture(fixture: &Fixture, errors: &mut Errors) {
    let Some(value_type) = &fixture.value_type else { return };
    for parameter in &fixture.parameters {
        if let Source::Fixture(_, requested) = &parameter.source
            && requested.to_token_stream().to_string() == value_type.to_token_stream().to_string()
        {
            errors.at(requested, "a fixture cannot depend on itself; ask for what it is made of");
        }
    }
}

fn rows(test: &Test, errors: &mut Errors) {
    let marked: Vec<&Attribute> = test.parameters.iter().filter_map(case_attribute).collect();
    if test.rows.is_empty() && !test.arguments.has_no_cases {
        for attribute in &marked {
            errors.at(attribute, "no row gives this parameter a value; add `#[case(value)]` to the function");
        }
    }
    // An invalid parameter may have been meant to take a value of the row, so that the lengths cannot be checked.
    if test.parameters.iter().all(|parameter| !matches!(parameter.source, Source::Invalid)) {
        row_lengths(&test.rows, marked.len(), errors);
    }
    let names = test.row_names();
    for (position, row) in test.rows.iter().enumerate() {
        if names[..position].contains(&names[position]) {
            let message = format!("another row is named `{}`, too; rename one of them", names[position]);
            match &row.name {
                Some(name) => errors.at(name, message),
                None => errors.at(row.attribute.path(), message),
            }
        }
    }
}

/// Rejects a second source of cases that are found when the suite starts, and other cases whose number is not known beside them.
fn run_time_cases(test: &Test, errors: &mut Errors) {
    let mut finder = test.parameters.iter().filter_map(|parameter| match &parameter.source {
        Source::RunTime(attribute, _) => Some(attribute),
        _ => None,
    });
    let Some(first) = finder.next() else { return };
    for other in finder {
        errors.at(other, "only one parameter takes cases that are found when the suite starts; remove one");
    }
    if let Some(row) = test.rows.first() {
        errors.at(
            row.attribute.path(),
            "rows and cases that are found when the suite starts exclude each other; write `#[values(…)]`",
        );
    }
    if test.over.is_some() {
        errors.at(first, "`#[over(…)]` and cases that are found when the suite starts exclude each other; write a test for each type");
    }
}

fn case_attribute(parameter: &Parameter) -> Option<&Attribute> {
    match &parameter.source {
        Source::Case(attribute) => Some(attribute),
        _ => None,
    }
}

fn row_lengths(rows: &[Row], wanted: usize, errors: &mut Errors) {
    if let Some(row) = rows.first().filter(|_| wanted == 0) {
        errors.at(row.attribute.path(), "no parameter is marked `#[case]` to take this row's values; mark one");
        return;
    }
    for row in rows {
        let Some(values) = &row.values else { continue };
        if let Some(surplus) = values.get(wanted) {
            errors.at(surplus, "no parameter takes this value; mark one more with `#[case]` or remove the value");
        } else if values.len() < wanted {
            let message = format!("{} of {wanted} values: each parameter marked `#[case]` needs one", values.len());
            errors.at(row.attribute.path(), message);
        }
    }
}

/// Rejects a fixture that is borrowed twice, at least once as `&mut`.
fn borrows(test: &Test, errors: &mut Errors) {
    let mut earlier = Vec::new();
    for parameter in &test.parameters {
        let Source::Fixture(access, requested) = &parameter.source else { continue };
        if *access == Access::Owned {
            continue;
        }
        let name = requested.to_token_stream().to_string();
        let conflict = earlier
            .iter()
            .any(|(other, fixture)| *fixture == name && (*other == Access::Exclusive || *access == Access::Exclusive));
        if conflict {
            errors.at(
                &parameter.written,
                "this fixture is borrowed by an earlier parameter, and `&mut` must be its only borrow; ask for it once",
            );
        }
        earlier.push((*access, name));
    }
}

/// Rejects arguments for the runtime on a sync function, and arguments that exclude each other.
fn runtime(test: &Test, errors: &mut Errors) {
    let RuntimeArguments { threads, flavor, start_paused } = &test.arguments.runtime;
    if test.function.sig.asyncness.is_none() {
        let names =
            [threads.as_ref().map(|(name, _)| name), flavor.as_ref().map(|(name, _)| name), start_paused.as_ref()];
        for name in names.into_iter().flatten() {
            errors.at(name, "only an async test runs on a runtime that can be chosen; write `async fn` or remove this");
        }
        return;
    }
    let flavor = flavor.as_ref().map(|(_, flavor)| *flavor);
    if let Some((name, _)) = threads.as_ref().filter(|_| flavor == Some(Flavor::CurrentThread)) {
        errors.at(name, "`threads` requires the flavor `multi_thread`; remove `threads` or `flavor`");
    }
    if let Some(name) = start_paused.as_ref().filter(|_| matches!(flavor, None | Some(Flavor::MultiThread))) {
        errors.at(name, "`start_paused` requires the flavor `current_thread`; write `flavor = \"current_thread\"`");
    }
}

/// Checks the order of phases: `arrange? act assert`, or with `workflow` `arrange? (act assert)+`.
fn phases(test: &Test, errors: &mut Errors) {
    let Phases { marks, prelude, has_misplaced } = &test.phases;
    if *has_misplaced {
        return;
    }
    if let Some(word) = test.arguments.workflow.as_ref().filter(|_| marks.is_empty()) {
        let message = "a workflow needs phases, and this body marks none; add `#[act]` and `#[assert]`, or remove this";
        errors.at(word, message);
    }
    let mut order = Order { last: None, workflow: test.arguments.workflow.is_some() };
    let problems: Vec<(&PhaseMark, String)> =
        marks.iter().filter_map(|mark| Some((mark, order.advance(mark.phase)?))).collect();
    // After a misplaced mark, it is unknown which phase is missing.
    if let Some(last) = marks.last().filter(|last| problems.is_empty() && last.phase != Phase::Assert) {
        let next = if last.phase == Phase::Arrange { Phase::Act } else { Phase::Assert };
        let message = format!("after `#[{}]` comes `#[{}]`; it is missing", last.phase.word(), next.word());
        errors.push(syn::Error::new(last.span, message));
    }
    for (mark, problem) in problems {
        errors.push(syn::Error::new(mark.span, problem));
    }
    if let Some(first) = marks.first().filter(|first| first.phase == Phase::Arrange && prelude.is_some()) {
        let message = "statements stand above the first phase; move `#[arrange]` up to the first of them";
        errors.push(syn::Error::new(first.span, message));
    }
}

/// The position in the grammar of phases.
struct Order {
    last: Option<Phase>,
    workflow: bool,
}

impl Order {
    /// Moves to the next phase. If that phase is not allowed here, returns a message and stays at the current phase.
    fn advance(&mut self, next: Phase) -> Option<String> {
        let word = next.word();
        let problem = match (self.last, next) {
            (None, Phase::Arrange | Phase::Act)
            | (Some(Phase::Arrange), Phase::Act)
            | (Some(Phase::Act), Phase::Assert) => None,
            (Some(Phase::Assert), Phase::Act) if self.workflow => None,
            (Some(Phase::Assert), Phase::Act) => {
                // The mistake is reported once and not at each further `#[act]`.
                self.workflow = true;
                self.last = Some(next);
                let example = "`#[integration_test(workflow)]`";
                return Some(format!("after `#[assert]` comes nothing; a test with several acts is {example}"));
            }
            (None, Phase::Assert) => {
                Some("nothing has been done yet; the first phase is `#[arrange]` or `#[act]`".to_owned())
            }
            (Some(last), _) => {
                let successor = match last {
                    Phase::Arrange => "`#[act]`",
                    Phase::Act => "`#[assert]`",
                    Phase::Assert if self.workflow => "`#[act]` or nothing",
                    Phase::Assert => "nothing",
                };
                let not = if last == next {
                    format!("another `#[{word}]`; the phase goes on: remove this mark")
                } else {
                    format!("`#[{word}]`")
                };
                Some(format!("after `#[{}]` comes {successor}, not {not}", last.word()))
            }
        };
        if problem.is_none() {
            self.last = Some(next);
        }
        problem
    }
}
