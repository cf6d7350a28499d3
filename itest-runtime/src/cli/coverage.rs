//! The coverage of integration points in a run: collects it, compares it with its limits, and writes its report.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use super::call::Call;
use super::coverage_settings::CoverageFormat;
use super::declared_points::{declaring_tests, points_of_suite};
use super::output::{Sink, print_to_stderr};
use crate::coverage::{CoverageCollector, CoverageLimits, LimitCheck, check_limits};
use crate::inject::Registry;
use crate::model::{CoverageSettings, Event, ExitStatus, IntegrationCoverage, RunConfig, Summary, UsageError};
use crate::report::{write_coverage_json, write_coverage_markdown};

/// The coverage of a run, so far.
pub(super) struct CoverageOfRun {
    suite: String,
    collector: Option<CoverageCollector>,
    limits: CoverageLimits,
    report: Option<CoverageReport>,
    expected: Option<ExpectedReport>,
    /// The warnings that the events already have, because a record may contain those of its run.
    warnings: BTreeSet<String>,
    /// The reasons why the run fails.
    problems: Vec<String>,
}

struct CoverageReport {
    format: CoverageFormat,
    sink: Sink,
    file: String,
}

impl CoverageOfRun {
    /// Begins, if a setting needs the coverage. Under cargo-nextest each test has its own process, so no process has the coverage of the run.
    ///
    /// # Errors
    ///
    /// When the baseline cannot be read, or the report cannot be created.
    pub(super) fn begin(call: &Call, config: &RunConfig, registry: &Registry) -> Result<Option<Self>, UsageError> {
        let settings = &config.coverage;
        if !settings.is_needed() || config.session.nextest.is_some() {
            return Ok(None);
        }
        // The baseline may be the file that the report replaces, so it is read first.
        let baseline = settings.baseline.as_deref().map(read_baseline).transpose()?;
        let limits = CoverageLimits { min_percent: settings.min_percent, baseline, unused: settings.unused };
        let expected = settings.expected.as_deref().filter(|path| settings.report.as_deref() != Some(*path));
        let expected = expected.map(ExpectedReport::read).transpose()?;
        Ok(Some(Self {
            expected,
            suite: call.suite().unwrap_or_default(),
            collector: Some(CoverageCollector::new(declaring_tests(registry), points_of_suite()?)),
            limits,
            report: CoverageReport::create(settings)?,
            warnings: BTreeSet::new(),
            problems: Vec::new(),
        }))
    }

    /// Observes an event. At the end of the run, adds the reasons why it fails to the summary, and returns warnings.
    pub(super) fn observe(&mut self, event: &mut Event) -> Vec<String> {
        match event {
            Event::CaseFinished(case) => {
                if let Some(collector) = &mut self.collector {
                    collector.add(case);
                }
            }
            Event::CaseIgnored { id, .. } => {
                if let Some(collector) = &mut self.collector {
                    collector.add_ignored(id);
                }
            }
            Event::Warning(text) => {
                self.warnings.insert(text.clone());
            }
            Event::RunFinished(summary) => return self.finish(summary),
            _ => {}
        }
        Vec::new()
    }

    fn finish(&mut self, summary: &mut Summary) -> Vec<String> {
        let Some(collector) = self.collector.take() else { return Vec::new() };
        let coverage = collector.finish();
        if let Some(report) = &mut self.report {
            report.write(&coverage, &self.suite);
        }
        let mut check = check_limits(&coverage, &self.limits);
        if let Some(expected) = self.expected.as_ref().filter(|_| summary.is_success()) {
            expected.compare(&coverage, &self.suite, &mut check);
        }
        self.problems = check.problems;
        self.add_problems(summary);
        check.warnings.into_iter().filter(|warning| !self.warnings.contains(warning)).collect()
    }

    /// Adds the reasons why the run fails to a copy of its summary.
    pub(super) fn add_problems(&self, summary: &mut Summary) {
        let new: Vec<_> = self.problems.iter().filter(|problem| !summary.problems.contains(problem)).cloned().collect();
        summary.problems.extend(new);
    }

    /// The exit status of the run, after the report.
    pub(super) fn status(&self, status: ExitStatus) -> ExitStatus {
        self.report.as_ref().map_or(status, |report| report.sink.status(status))
    }
}

impl CoverageReport {
    fn create(settings: &CoverageSettings) -> Result<Option<Self>, UsageError> {
        let Some((path, format)) = settings.report.as_deref().and_then(|path| Some((path, CoverageFormat::of(path)?)))
        else {
            return Ok(None);
        };
        // If the folder cannot be created, the file cannot be created either, and that error is reported.
        let _ = path.parent().map(std::fs::create_dir_all);
        let sink = Sink::file("--integration-coverage", path)?;
        Ok(Some(Self { format, sink, file: path.display().to_string() }))
    }

    fn write(&mut self, coverage: &IntegrationCoverage, suite: &str) {
        self.sink.write(|out| {
            write_report(self.format, coverage, suite, out)?;
            out.flush()
        });
        let (covered, all) = (coverage.covered(), coverage.points.len());
        print_to_stderr(&format!("{covered} of {all} integration points are covered; {} has them", self.file));
    }
}

/// A report in a file with which that of the run is compared.
struct ExpectedReport {
    format: CoverageFormat,
    text: String,
    file: String,
}

impl ExpectedReport {
    fn read(path: &Path) -> Result<Self, UsageError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("cannot be read: {error}; write it with --integration-coverage {file}");
            UsageError::new(format!("--check-integration-coverage {file}"), what)
        })?;
        // The setting has checked the name.
        let format = CoverageFormat::of(path).unwrap_or(CoverageFormat::Markdown);
        Ok(Self { format, text, file })
    }

    /// Compares the report of a green run. A run of a part of the suite is not compared.
    fn compare(&self, coverage: &IntegrationCoverage, suite: &str, check: &mut LimitCheck) {
        let file = &self.file;
        if let Some(first) = coverage.not_run.first() {
            check.warnings.push(format!(
                "the integration coverage is not compared with {file}, because the run has no result of {first}"
            ));
            return;
        }
        let mut written = Vec::new();
        // Writing to memory cannot fail.
        let _ = write_report(self.format, coverage, suite, &mut written);
        let written = String::from_utf8_lossy(&written);
        let Some(difference) = first_difference(&self.text, &written) else { return };
        check.problems.push(format!(
            "the integration coverage differs from {file}, {difference}; if that is right, write the file with --integration-coverage {file}"
        ));
    }
}

/// The first line in which two texts differ.
fn first_difference(expected: &str, actual: &str) -> Option<String> {
    let (mut expected, mut actual) = (expected.lines(), actual.lines());
    for number in 1.. {
        let (before, now) = (expected.next(), actual.next());
        if before != now {
            let shown = |line: Option<&str>| line.map_or_else(|| "the end".to_owned(), |line| format!("`{line}`"));
            return Some(format!("line {number}: there it is {}, and in this run {}", shown(before), shown(now)));
        }
        if before.is_none() {
            break;
        }
    }
    None
}

fn write_report(
    format: CoverageFormat,
    coverage: &IntegrationCoverage,
    suite: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        CoverageFormat::Markdown => write_coverage_markdown(coverage, suite, out),
        CoverageFormat::Json => write_coverage_json(coverage, out),
    }
}

fn read_baseline(path: &Path) -> Result<IntegrationCoverage, UsageError> {
    let refused = |what: String| UsageError::new(format!("--integration-baseline {}", path.display()), what);
    let text = std::fs::read(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&text).map_err(|error| {
        refused(format!(
            "is no report of --integration-coverage in JSON: {error}; write it with --integration-coverage FILE.json"
        ))
    })
}
