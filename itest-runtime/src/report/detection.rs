//! The report of a detection. For each unreliable test it shows the kind of the problem, the tests that cause it, the
//! confidence, and a command that reproduces it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::ReportOptions;
use super::text::{Style, Styled, count, time};
use crate::model::{Format, Lie, Rate, Seed, TestId, Verdict, redacted};

/// The summary at the end of a detection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DetectionSummary {
    /// The number of examined tests.
    pub tests: usize,
    /// The smallest number of runs of any test.
    pub least_runs: u32,
    /// The number of tests that skipped themselves in all their runs.
    pub skipped: usize,
    /// The bound of the failure rate of tests that never failed, in words.
    pub in_words: String,
    /// The reason why the detection ended early, if it did.
    pub stopped: Option<String>,
    /// The number of probes.
    pub probes: usize,
    /// The number of test executions in all probes.
    pub executions: usize,
    /// The duration of the detection.
    pub elapsed: Duration,
}

/// The reporter of a detection.
#[derive(Debug)]
pub(crate) struct DetectionReport {
    format: Format,
    options: ReportOptions,
    lies: BTreeMap<Lie, usize>,
    /// Tests with the same environment problem as a test that was already reported.
    reported_environments: BTreeSet<TestId>,
}

impl DetectionReport {
    /// Creates a report in a format.
    #[must_use]
    pub(crate) fn new(format: Format, options: ReportOptions) -> Self {
        Self { format, options, lies: BTreeMap::new(), reported_environments: BTreeSet::new() }
    }

    /// Writes the first line, with the number of tests and the budget.
    pub(crate) fn begin(&self, tests: usize, seed: Seed, budget: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Json {
            return line(
                &json!({"event": "detection_started", "format_version": 1, "tests": tests, "seed": seed}),
                out,
            );
        }
        writeln!(out, "\nlooking for tests that lie among {}, seed {seed}, {budget}", count(tests, "test"))
    }

    /// Writes that a stage started.
    pub(crate) fn stage(&self, words: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.format == Format::Json {
            return line(&json!({"event": "detection_stage", "stage": words}), out);
        }
        writeln!(out, "{}", Styled(self.options.color, Style::Dim, format!("… {words}")))?;
        out.flush()
    }

    /// Writes the verdict for a test.
    pub(crate) fn verdict(&mut self, verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
        *self.lies.entry(verdict.lie).or_default() += 1;
        let command = self.options.repeat.lanes(&verdict.lanes, verdict.repeats);
        if self.format == Format::Json {
            return line(&as_json(verdict, &command), out);
        }
        let Verdict { id, lie, message, cleaners, correlates, .. } = verdict;
        if *lie == Lie::Environment {
            if self.reported_environments.contains(id) {
                return Ok(());
            }
            self.reported_environments.extend(verdict.culprits.iter().flatten().cloned());
        }
        writeln!(
            out,
            "\n{} {}",
            Styled(self.options.color, Style::Red, in_words(*lie)),
            Styled(self.options.color, Style::Bold, id)
        )?;
        writeln!(out, "  {}", evidence(verdict))?;
        if !message.is_empty() {
            writeln!(out, "  failure: {}", redacted(message))?;
        }
        if !cleaners.is_empty() {
            writeln!(out, "  cleaned up by: {}", list(cleaners))?;
        }
        if !correlates.is_empty() {
            writeln!(out, "  it fails {}", correlates.join("; "))?;
        }
        writeln!(out, "  to do: {}", advice(*lie))?;
        writeln!(out, "  shown by: {}", Styled(self.options.color, Style::Bold, command))?;
        out.flush()
    }

    /// Writes the summary.
    pub(crate) fn end(&self, summary: &DetectionSummary, out: &mut dyn Write) -> io::Result<()> {
        let DetectionSummary { tests, least_runs, skipped, in_words: never, stopped, probes, executions, elapsed } =
            summary;
        let lying: usize = self.lies.values().sum();
        if self.format == Format::Json {
            let end = json!({
                "event": "detection_finished", "complete": stopped.is_none(), "stopped_by": stopped, "tests": tests,
                "lying": lying, "skipped": skipped, "least_runs": least_runs, "never_failed": never, "probes": probes,
                "executions": executions, "elapsed_us": u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            });
            line(&end, out)?;
            return out.flush();
        }
        writeln!(out)?;
        if let Some(reason) = stopped {
            writeln!(out, "{}: this is what is known so far", Styled(self.options.color, Style::Yellow, reason))?;
        }
        let kinds: Vec<_> = self.lies.iter().map(|(lie, number)| format!("{number} {}", in_words(*lie))).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        let never_failed = tests.saturating_sub(lying + skipped);
        let verdict = if lying == 0 {
            Styled(self.options.color, Style::Green, "ok")
        } else {
            Styled(self.options.color, Style::Red, "FAILED")
        };
        writeln!(out, "detection result: {verdict}. {lying} of {} lied{kinds}", count(*tests, "test"))?;
        if never_failed > 0 && *least_runs > 0 {
            writeln!(out, "{} never failed; the one with the fewest runs had {never}", count(never_failed, "other"))?;
        }
        if *skipped > 0 {
            let (itself, that) = if *skipped == 1 { ("itself", "it") } else { ("themselves", "them") };
            writeln!(out, "{} skipped {itself} each time: there is no result for {that}", count(*skipped, "test"))?;
        }
        let (executions, probes) = (count(*executions, "execution"), count(*probes, "probe"));
        writeln!(out, "{executions} in {probes}, finished in {}\n", time(*elapsed))?;
        out.flush()
    }
}

fn line(value: &serde_json::Value, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}

fn as_json(verdict: &Verdict, command: &str) -> serde_json::Value {
    let names = |ids: &[TestId]| ids.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
    let rate = |rate: Rate| json!({"runs": rate.runs, "failures": rate.failures, "low": rate.low, "high": rate.high});
    json!({
        "event": "verdict", "id": verdict.id.as_str(), "kind": verdict.lie.name(),
        "culprits": verdict.culprits.iter().map(|set| names(set)).collect::<Vec<_>>(), "cleaners": names(&verdict.cleaners),
        "rate": rate(verdict.with), "without": rate(verdict.without), "confidence": verdict.confidence,
        "evidence": evidence(verdict), "message": redacted(&verdict.message), "correlates": verdict.correlates,
        "advice": advice(verdict.lie), "lanes": verdict.lanes.iter().map(|lane| names(lane)).collect::<Vec<_>>(),
        "repeats": verdict.repeats, "command": command,
    })
}

fn list(ids: &[TestId]) -> String {
    ids.iter().map(TestId::as_str).collect::<Vec<_>>().join(", ")
}

/// Lists alternative sets of tests, each of which is sufficient to cause the failure.
fn alternatives(sets: &[Vec<TestId>], within: &str) -> String {
    let set = |set: &Vec<TestId>| set.iter().map(TestId::as_str).collect::<Vec<_>>().join(within);
    sets.iter().map(set).collect::<Vec<_>>().join(", or ")
}

fn in_words(lie: Lie) -> &'static str {
    match lie {
        Lie::Victim => "order-dependent victim",
        Lie::Brittle => "brittle",
        Lie::NotIdempotent => "not idempotent",
        Lie::Contention => "contention",
        Lie::Flaky => "flaky",
        Lie::Broken => "broken",
        Lie::Environment => "environment",
        Lie::Unexamined => "not examined",
    }
}

/// Describes the evidence for a verdict in a sentence.
fn evidence(verdict: &Verdict) -> String {
    let Verdict { lie, culprits, with, without, confidence, .. } = verdict;
    let of = |rate: &Rate| format!("{} of {}", rate.failures, rate.runs);
    let sure = format!("{:.2} % sure", (confidence * 10_000.0).floor() / 100.0);
    match lie {
        Lie::Victim if culprits.is_empty() => {
            format!(
                "fails after others, {}, and alone {} times ({sure}); the tests that cause it could not be identified",
                of(with),
                of(without)
            )
        }
        Lie::Victim => {
            format!(
                "fails after {}: {} times, and alone {} ({sure})",
                alternatives(culprits, " and then "),
                of(with),
                of(without)
            )
        }
        Lie::Brittle if culprits.is_empty() => {
            format!(
                "fails alone, {} times, and passes after others; the tests that it needs could not be identified",
                of(without)
            )
        }
        Lie::Brittle => format!(
            "passes only after {}: fails {} times then, and alone {} ({sure})",
            alternatives(culprits, " and then "),
            of(with),
            of(without)
        ),
        Lie::NotIdempotent => {
            format!("fails the second time: {} times, and the first time {} ({sure})", of(with), of(without))
        }
        Lie::Contention => {
            format!(
                "fails beside {}: {} times, and alone {} ({sure})",
                alternatives(culprits, " and "),
                of(with),
                of(without)
            )
        }
        Lie::Flaky => {
            format!("fails now and then; neither the order nor concurrent tests explain it: {}", verdict.in_words)
        }
        Lie::Broken => format!("fails always: {} times", of(with)),
        Lie::Environment => {
            let others: usize = culprits.iter().map(Vec::len).sum();
            let same = count(others, "other test");
            let names = alternatives(culprits, ", ");
            format!("cannot get what it needs: {}; {same} for the same cause: {names}", verdict.in_words)
        }
        Lie::Unexamined => format!("failed {} times; there was no time to find out why", of(with)),
    }
}

fn advice(lie: Lie) -> &'static str {
    match lie {
        Lie::Victim => {
            "give it state of its own (a fixture by value), or give back in the other test's teardown what that test changes"
        }
        Lie::Brittle => {
            "make in its own arrange phase, or in a fixture, what it finds only because another test left it"
        }
        Lie::NotIdempotent => "give back in its teardown what it changes, or use names of its own each time",
        Lie::Contention => {
            "give each a resource of its own; if there is only one, ask for it as `&mut` or mark both `serial = \"…\"`"
        }
        Lie::Flaky => {
            "look for time, randomness and unawaited work; `eventually` instead of a sleep; until then quarantine it"
        }
        Lie::Broken => "fix the test or the code: it never passed",
        Lie::Environment => "fix what they all need; until then their failures say nothing about the code",
        Lie::Unexamined => "detect with a larger --budget",
    }
}
