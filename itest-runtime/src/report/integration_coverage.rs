//! The report of the coverage of integration points: Markdown for people, and JSON for programs and as a baseline.
//!
//! Both are the same for two runs with the same results, so that a repository can contain them.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::recommendations::recommendations;
use crate::model::{IntegrationCoverage, PointCoverage, PointKind, PointState, SeenWhen};

/// The sections of points: the title, and the kinds with their titles.
const SECTIONS: [(&str, &[(&str, PointKind)]); 4] = [
    ("APIs", &[("Inbound", PointKind::Endpoint), ("Outbound", PointKind::Call)]),
    ("Events", &[("Published", PointKind::Publish), ("Consumed", PointKind::Consume)]),
    ("Data", &[("", PointKind::Table)]),
    ("Workflows", &[("", PointKind::Workflow)]),
];

/// Writes the report as JSON, from which a baseline is read.
pub(crate) fn write_coverage_json(coverage: &IntegrationCoverage, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, coverage)?;
    out.write_all(b"\n")
}

/// Writes the report as Markdown.
pub(crate) fn write_coverage_markdown(
    coverage: &IntegrationCoverage,
    suite: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "# Integration tests of `{suite}`\n")?;
    writeln!(out, "`--integration-coverage` has written this file from a run of the suite. Do not edit it.\n")?;
    write_totals(coverage, out)?;
    for (title, kinds) in SECTIONS {
        let is_empty = |kind| !coverage.points.iter().any(|point| point.kind == kind);
        if kinds.iter().all(|(_, kind)| is_empty(*kind)) {
            continue;
        }
        writeln!(out, "## {title}\n")?;
        for (subtitle, kind) in kinds.iter().filter(|(_, kind)| !is_empty(*kind)) {
            if !subtitle.is_empty() {
                writeln!(out, "### {subtitle}\n")?;
            }
            write_table(coverage, *kind, out)?;
        }
    }
    write_gaps(coverage, out)?;
    write_list("Recommendations", &recommendations(coverage), "1. ", out)?;
    let unused: Vec<_> = coverage
        .unused_declarations
        .iter()
        .map(|unused| format!("`{}` declares `{}`, and has passed without using it.", unused.test, unused.point))
        .collect();
    write_list("Declarations without a use", &unused, "- ", out)
}

fn write_totals(coverage: &IntegrationCoverage, out: &mut dyn Write) -> io::Result<()> {
    let (covered, all) = (coverage.covered(), coverage.points.len());
    writeln!(out, "{covered} of {all} integration points are covered: {} %.\n", coverage.percent())?;
    if !coverage.not_run.is_empty() {
        let count = coverage.not_run.len();
        writeln!(out, "This report is incomplete: the run has no result of {count} of the suite's tests.\n")?;
    }
    Ok(())
}

fn write_table(coverage: &IntegrationCoverage, kind: PointKind, out: &mut dyn Write) -> io::Result<()> {
    let points = || coverage.points.iter().filter(|point| point.kind == kind);
    // No exchange shows the outcomes of a workflow.
    let has_outcomes = kind != PointKind::Workflow;
    let (head, line) = if has_outcomes { (" outcomes |", "---|") } else { ("", "") };
    writeln!(out, "| {} | state |{head} declared by |\n|---|---|{line}---:|", column(kind))?;
    for point in points() {
        let outcomes = if has_outcomes { format!(" {} |", outcomes(point)) } else { String::new() };
        let declared = match point.declared_by.len() {
            0 => "no test".to_owned(),
            1 => "1 test".to_owned(),
            count => format!("{count} tests"),
        };
        writeln!(out, "| {} | {} |{outcomes} {declared} |", code(name(point)), in_words(point.state))?;
    }
    writeln!(out)
}

fn column(kind: PointKind) -> &'static str {
    match kind {
        PointKind::Endpoint => "endpoint",
        PointKind::Call => "call",
        PointKind::Publish | PointKind::Consume => "event",
        PointKind::Table => "table",
        PointKind::Workflow => "workflow",
    }
}

/// The point without the word that the title of its section says.
fn name(point: &PointCoverage) -> &str {
    let word = match point.kind {
        PointKind::Endpoint => return &point.point,
        PointKind::Call => "call ",
        PointKind::Publish => "publish ",
        PointKind::Consume => "consume ",
        PointKind::Table => "table ",
        PointKind::Workflow => "workflow ",
    };
    point.point.strip_prefix(word).unwrap_or(&point.point)
}

fn in_words(state: PointState) -> &'static str {
    match state {
        PointState::Covered => "covered",
        PointState::Declared => "declared, not observed",
        PointState::OnlyUnderFaults => "**only under faults**",
        PointState::OnlyInFailedTests => "**only in failed tests**",
        PointState::Never => "**never**",
    }
}

fn outcomes(point: &PointCoverage) -> String {
    let mut text = String::new();
    for (outcome, when) in &point.outcomes {
        let separator = if text.is_empty() { "" } else { ", " };
        let fault = if *when == SeenWhen::UnderFault { "fault " } else { "" };
        // Writing to a text cannot fail.
        let _ = write!(text, "{separator}{fault}{}", code(outcome));
    }
    if text.is_empty() { "–".to_owned() } else { text }
}

/// A text as code in a cell of a table. The bar and the mark of code would end the cell or the code.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

/// Writes the points that are not covered as a checklist.
fn write_gaps(coverage: &IntegrationCoverage, out: &mut dyn Write) -> io::Result<()> {
    let gap = |point: &PointCoverage| {
        let reason = match point.state {
            PointState::Covered | PointState::Declared => return None,
            PointState::OnlyUnderFaults => "used only under injected faults",
            PointState::OnlyInFailedTests => "used only by tests that failed",
            PointState::Never => "never used",
        };
        Some(format!("{}: {reason}", code(&point.point)))
    };
    let gaps: Vec<_> = coverage.points.iter().filter_map(gap).collect();
    if gaps.is_empty() {
        return writeln!(out, "## Gaps\n\nThere are none.");
    }
    writeln!(out, "## Gaps\n")?;
    gaps.iter().try_for_each(|gap| writeln!(out, "- [ ] {gap}"))
}

fn write_list(title: &str, lines: &[String], mark: &str, out: &mut dyn Write) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {title}\n")?;
    lines.iter().try_for_each(|line| writeln!(out, "{mark}{line}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::UnusedDeclaration;

    fn point(text: &str, kind: PointKind, state: PointState, outcomes: &[(&str, SeenWhen)]) -> PointCoverage {
        PointCoverage {
            point: text.to_owned(),
            kind,
            state,
            outcomes: outcomes.iter().map(|(outcome, when)| ((*outcome).to_owned(), *when)).collect(),
            declared_by: BTreeSet::from(["orders::pay".to_owned()]),
            used_by: BTreeSet::new(),
        }
    }

    fn example() -> IntegrationCoverage {
        use PointKind as Kind;
        use PointState as State;
        let (plain, fault) = (SeenWhen::WithoutFault, SeenWhen::UnderFault);
        IntegrationCoverage {
            points: vec![
                point("GET /orders", Kind::Endpoint, State::Covered, &[("200", plain)]),
                point("POST /orders/{id}/pay", Kind::Endpoint, State::Covered, &[("200", plain), ("402", plain)]),
                point("POST /reports", Kind::Endpoint, State::Never, &[]),
                point("call payments POST /charge", Kind::Call, State::OnlyUnderFaults, &[("reset", fault)]),
                point("publish order.paid", Kind::Publish, State::Covered, &[("sent", plain)]),
                point("consume order.cancelled", Kind::Consume, State::OnlyInFailedTests, &[]),
                point("table a|b`c", Kind::Table, State::Declared, &[]),
                point("workflow order life cycle", Kind::Workflow, State::Covered, &[]),
            ],
            unused_declarations: vec![UnusedDeclaration { test: "a::b".to_owned(), point: "GET /orders".to_owned() }],
            not_run: BTreeSet::new(),
        }
    }

    const EXPECTED: &str = "# Integration tests of `shop`

`--integration-coverage` has written this file from a run of the suite. Do not edit it.

5 of 8 integration points are covered: 62 %.

## APIs

### Inbound

| endpoint | state | outcomes | declared by |
|---|---|---|---:|
| `GET /orders` | covered | `200` | 1 test |
| `POST /orders/{id}/pay` | covered | `200`, `402` | 1 test |
| `POST /reports` | **never** | – | 1 test |

### Outbound

| call | state | outcomes | declared by |
|---|---|---|---:|
| `payments POST /charge` | **only under faults** | fault `reset` | 1 test |

## Events

### Published

| event | state | outcomes | declared by |
|---|---|---|---:|
| `order.paid` | covered | `sent` | 1 test |

### Consumed

| event | state | outcomes | declared by |
|---|---|---|---:|
| `order.cancelled` | **only in failed tests** | – | 1 test |

## Data

| table | state | outcomes | declared by |
|---|---|---|---:|
| `a\\|b'c` | declared, not observed | – | 1 test |

## Workflows

| workflow | state | declared by |
|---|---|---:|
| `order life cycle` | covered | 1 test |

## Gaps

- [ ] `POST /reports`: never used
- [ ] `call payments POST /charge`: used only under injected faults
- [ ] `consume order.cancelled`: used only by tests that failed

## Recommendations

1. Call `POST /reports` in a test: no test does.
1. Test the failure of `GET /orders`: no test has seen it fail.
1. Consume `order.paid` in a test: the code under test publishes it, and no test has seen a delivery.
1. Use `call payments POST /charge` without an injected fault in a test that passes.
1. Repair the tests that use `consume order.cancelled`: none of them passes.

## Declarations without a use

- `a::b` declares `GET /orders`, and has passed without using it.
";

    #[test]
    fn markdown_has_a_section_for_each_kind_and_names_the_gaps() {
        let mut out = Vec::new();
        write_coverage_markdown(&example(), "shop", &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), EXPECTED);
    }

    #[test]
    fn json_is_read_back_unchanged() {
        let mut out = Vec::new();
        write_coverage_json(&example(), &mut out).unwrap();
        assert_eq!(serde_json::from_slice::<IntegrationCoverage>(&out).unwrap(), example());
    }

    #[test]
    fn coverage_of_a_suite_without_points_is_complete() {
        let mut out = Vec::new();
        let empty = IntegrationCoverage { points: Vec::new(), ..IntegrationCoverage::default() };
        write_coverage_markdown(&empty, "shop", &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("0 of 0 integration points are covered: 100 %."), "{text}");
        assert!(text.ends_with("## Gaps\n\nThere are none.\n"), "{text}");
    }
}
