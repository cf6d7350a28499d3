//! Reports for GitHub Actions: annotations on source lines, and a page for the summary of the job.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Reporter;
use super::findings::{Finding, Findings, Severity};
use super::text::{Repeat, count, time};
use crate::model::{Event, Seed, SourceLocation, Summary};

/// GitHub shows this many annotations of each kind per step.
const MAX_ANNOTATIONS: usize = 10;

/// The number of characters of a message that are shown.
const MAX_MESSAGE_CHARS: usize = 4_000;

/// The most rows of the table. GitHub limits all summaries of a step to one megabyte.
const MAX_ROWS: usize = 100;

/// The number of characters of a table cell that are shown.
const MAX_CELL_CHARS: usize = 200;

/// The paths of the sources. The compiler names files relative to the root of cargo's workspace, and GitHub relative to
/// the root of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// The root of the repository.
    pub repository: PathBuf,
    /// The path from the root of the repository to the root of the workspace.
    pub workspace: PathBuf,
}

impl Sources {
    /// Splits a source location into the file as GitHub names it, the line and the column.
    fn locate(&self, place: &SourceLocation) -> (String, u32, u32) {
        let mut parts = place.as_str().rsplitn(3, ':');
        let mut number = || parts.next().and_then(|text| text.parse().ok()).unwrap_or(1);
        let (column, line) = (number(), number());
        let file = Path::new(parts.next().unwrap_or_default());
        let file = match file.strip_prefix(&self.repository) {
            Ok(inside) if file.is_absolute() => inside.to_owned(),
            _ => self.workspace.join(file),
        };
        (file.display().to_string(), line, column)
    }
}

/// The reporter that writes commands for GitHub's runner, one for each finding. It writes them when the run is over,
/// because until then the output belongs to other reports.
#[derive(Debug)]
pub(crate) struct Annotations {
    sources: Sources,
    findings: Findings,
}

impl Annotations {
    /// Creates annotations with these source paths.
    #[must_use]
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources, findings: Findings::default() }
    }

    fn write(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        for (severity, command, noun) in
            [(Severity::Error, "error", "failure"), (Severity::Warning, "warning", "warning")]
        {
            let of_kind: Vec<_> = self.findings.sorted().filter(|finding| finding.severity == severity).collect();
            for Finding { id, place, outcome, message, .. } in of_kind.iter().take(MAX_ANNOTATIONS) {
                let (file, line, column) = self.sources.locate(place);
                let (file, title) = (property(&file), property(&format!("{id} {outcome}")));
                let message = data(&cut(message, MAX_MESSAGE_CHARS));
                writeln!(out, "::{command} file={file},line={line},col={column},title={title}::{message}")?;
            }
            if let Some(more) = of_kind.len().checked_sub(MAX_ANNOTATIONS).filter(|more| *more > 0) {
                let more = count(more, &format!("more {noun}"));
                writeln!(
                    out,
                    "::notice title=itest::{more}; GitHub shows {MAX_ANNOTATIONS} of a kind, the log has all"
                )?;
            }
        }
        for problem in summary.problems.iter().take(MAX_ANNOTATIONS) {
            writeln!(out, "::error title=itest::{}", data(&cut(problem, MAX_MESSAGE_CHARS)))?;
        }
        out.flush()
    }
}

impl Reporter for Annotations {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        self.findings.event(event);
        match event {
            Event::RunFinished(summary) => self.write(summary, out),
            _ => Ok(()),
        }
    }
}

/// The reporter that writes a Markdown section for the summary of a job.
#[derive(Debug)]
pub(crate) struct StepSummary {
    suite: String,
    sources: Sources,
    repeat: Repeat,
    seed: Seed,
    findings: Findings,
}

impl StepSummary {
    /// Creates a section about a suite.
    #[must_use]
    pub(crate) fn new(suite: String, sources: Sources, repeat: Repeat) -> Self {
        Self { suite, sources, repeat, seed: Seed::default(), findings: Findings::default() }
    }

    fn page(&self, summary: &Summary) -> String {
        let verdict = if summary.is_success() { "passed" } else { "failed" };
        let mut page = format!("### {} {verdict}\n\n", cell(&self.suite));
        let numbers = [
            ("passed", summary.passed),
            ("flaky", summary.flaky),
            ("failed", summary.failed),
            ("ignored", summary.ignored),
            ("not run", summary.not_run),
        ];
        let numbers = numbers.iter().filter(|(word, number)| *number > 0 || *word == "passed");
        let numbers: Vec<_> = numbers.map(|(word, number)| format!("{number} {word}")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{} in {}, seed {}", numbers.join(", "), time(summary.elapsed), self.seed);
        let findings: Vec<_> = self.findings.sorted().collect();
        if !findings.is_empty() {
            page.push_str("\n| test | outcome | where | what |\n|---|---|---|---|\n");
        }
        for Finding { id, place, outcome, message, .. } in findings.iter().take(MAX_ROWS) {
            let (file, line, _) = self.sources.locate(place);
            let [id, outcome, file, message] = [id.as_str(), outcome, &file, message].map(cell);
            let _ = writeln!(page, "| {id} | {outcome} | {file}:{line} | {message} |");
        }
        if let Some(more) = findings.len().checked_sub(MAX_ROWS).filter(|more| *more > 0) {
            let _ = writeln!(page, "\n{more} more are in the log.");
        }
        for problem in &summary.problems {
            let _ = writeln!(page, "\n{}", cell(problem));
        }
        if !summary.is_success() {
            let _ = writeln!(page, "\n```sh\n{}\n```", self.repeat.run(self.seed));
        }
        page.push('\n');
        page
    }
}

impl Reporter for StepSummary {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        self.findings.event(event);
        match event {
            Event::RunStarted { seed, .. } => {
                self.seed = *seed;
                Ok(())
            }
            Event::RunFinished(summary) => {
                out.write_all(self.page(summary).as_bytes())?;
                out.flush()
            }
            _ => Ok(()),
        }
    }
}

/// Escapes the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Escapes a text for a table cell: it becomes one line without Markdown or HTML.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for character in cut(text.trim(), MAX_CELL_CHARS).chars() {
        match character {
            '\n' => cell.push_str("<br>"),
            '<' => cell.push_str("&lt;"),
            '>' => cell.push_str("&gt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' => cell.extend(['\\', character]),
            control if control.is_control() => cell.push(' '),
            other => cell.push(other),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_escaped_as_github_requires() {
        assert_eq!(data("50%\r\nof: a, b"), "50%25%0D%0Aof: a, b");
        assert_eq!(property("a::b, 50%\n"), "a%3A%3Ab%2C 50%25%0A");
    }

    #[test]
    fn table_cell_is_escaped_and_cut() {
        assert_eq!(cell(" a|b\n<b> `x` \u{1b}[1m "), "a\\|b<br>&lt;b&gt; \\`x\\`  \\[1m");
        assert_eq!(cell(&"é".repeat(300)).chars().count(), 201);
    }

    #[test]
    fn paths_are_relative_to_the_root_of_the_repository() {
        let sources = Sources { repository: "/home/runner/repo".into(), workspace: "backend".into() };
        let locate = |place: &'static str| sources.locate(&SourceLocation::new(place));
        assert_eq!(locate("tests/main.rs:21:5"), ("backend/tests/main.rs".to_owned(), 21, 5));
        assert_eq!(locate("/home/runner/repo/other/lib.rs:1:2"), ("other/lib.rs".to_owned(), 1, 2));
        assert_eq!(locate("/rustc/lib.rs:1:2").0, "/rustc/lib.rs");
        let plain = Sources::default();
        assert_eq!(plain.locate(&SourceLocation::new("tests/main.rs:21:5")).0, "tests/main.rs");
    }
}
