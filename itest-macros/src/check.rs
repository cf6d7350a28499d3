//! What only makes sense as a whole: rows and their parameters, the order of phases.

use quote::ToTokens;

use crate::errors::Errors;
use crate::model::{Access, Fixture, Phase, Source, Test};

/// Looks at a test as a whole.
pub(crate) fn test(test: &Test, errors: &mut Errors) {
    rows(test, errors);
    borrows(test, errors);
    phases(test, errors);
}

/// Looks at a fixture as a whole.
pub(crate) fn fixture(fixture: &Fixture, errors: &mut Errors) {
    let Some(made) = &fixture.made else { return };
    for parameter in &fixture.parameters {
        if let Source::Fixture(_, asked) = &parameter.source
            && asked.to_token_stream().to_string() == made.to_token_stream().to_string()
        {
            errors.at(asked, "a fixture cannot depend on itself");
        }
    }
}

fn rows(test: &Test, errors: &mut Errors) {
    let marked: Vec<_> =
        test.parameters.iter().filter(|parameter| matches!(parameter.source, Source::Case(_))).collect();
    if test.rows.is_empty() {
        for parameter in &marked {
            if let Source::Case(attribute) = &parameter.source {
                errors.at(attribute, "no row gives this parameter a value; add `#[case(value)]` to the function");
            }
        }
    }
    for row in &test.rows {
        let (given, wanted) = (row.values.len(), marked.len());
        if marked.is_empty() {
            errors.at(row.attribute.path(), "no parameter is marked `#[case]` to take this row's values");
        } else if let Some(surplus) = row.values.get(wanted) {
            errors.at(surplus, format_args!("one value too many: {} parameters are marked `#[case]`", wanted));
        } else if given < wanted {
            let message = format!("{given} of {wanted} values: each parameter marked `#[case]` needs one");
            errors.at(row.attribute.path(), message);
        }
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

/// One value asked for as `&mut` and once more.
fn borrows(test: &Test, errors: &mut Errors) {
    let mut earlier = Vec::new();
    for parameter in &test.parameters {
        let Source::Fixture(access, asked) = &parameter.source else { continue };
        if *access == Access::Owned {
            continue;
        }
        let name = asked.to_token_stream().to_string();
        let conflict = earlier
            .iter()
            .any(|(other, fixture)| *fixture == name && (*other == Access::Exclusive || *access == Access::Exclusive));
        if conflict {
            errors.at(
                &parameter.written,
                "this fixture is borrowed above already, and `&mut` stands alone; ask for it once",
            );
        }
        earlier.push((*access, name));
    }
}

/// `arrange? act assert`, and with `workflow` `arrange? (act assert)+`.
fn phases(test: &Test, errors: &mut Errors) {
    let workflow = test.arguments.workflow.is_some();
    let mut at = |mark: &crate::model::Mark, message: String| errors.push(syn::Error::new(mark.span, message));
    let mut before: Option<Phase> = None;
    for mark in &test.marks {
        let word = mark.phase.word();
        let complaint = match (before, mark.phase) {
            (None, Phase::Arrange | Phase::Act)
            | (Some(Phase::Arrange), Phase::Act)
            | (Some(Phase::Act), Phase::Assert) => None,
            (Some(Phase::Assert), Phase::Act) if workflow => None,
            (None, Phase::Assert) => {
                Some("nothing has been done yet; the first phase is `#[arrange]` or `#[act]`".to_owned())
            }
            (Some(Phase::Arrange), _) => Some(format!("after `#[arrange]` comes `#[act]`, not `#[{word}]`")),
            (Some(Phase::Act), _) => Some(format!("after `#[act]` comes `#[assert]`, not `#[{word}]`")),
            (Some(Phase::Assert), Phase::Act) => Some(
                "after `#[assert]` comes nothing; a test with several acts is `#[integration_test(workflow)]`"
                    .to_owned(),
            ),
            (Some(Phase::Assert), _) if workflow => {
                Some(format!("after `#[assert]` comes `#[act]` or nothing, not `#[{word}]`"))
            }
            (Some(Phase::Assert), _) => Some(format!("after `#[assert]` comes nothing, not `#[{word}]`")),
        };
        if let Some(complaint) = complaint {
            at(mark, complaint);
        }
        before = Some(mark.phase);
    }
    match test.marks.last() {
        Some(last) if last.phase == Phase::Arrange => {
            at(last, "after `#[arrange]` comes `#[act]`; it is missing".to_owned())
        }
        Some(last) if last.phase == Phase::Act => {
            at(last, "after `#[act]` comes `#[assert]`; it is missing".to_owned())
        }
        _ => {}
    }
    if let Some(first) = test.marks.first().filter(|first| first.phase == Phase::Arrange && test.has_prelude) {
        at(first, "statements stand above the first phase; move `#[arrange]` up to the first of them".to_owned());
    }
    if let Some(word) = test.arguments.workflow.as_ref().filter(|_| test.marks.is_empty()) {
        errors.at(word, "a workflow marks its phases: `#[act]` and `#[assert]`, as often as it takes");
    }
}
