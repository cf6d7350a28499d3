//! The reports for GitHub Actions. They are written in a GitHub job, or if `--annotations` requests them.

use std::path::{Path, PathBuf};

use super::call::Call;
use super::output::{Flush, ReportWriter, Sink, print_to_stderr};
use crate::model::{Annotations, Format, RunConfig};
use crate::report::{self, ReportOptions, Sources, StepSummary};

/// The variable that names the file to which a step appends its summary.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// The writers of the reports for GitHub. There are none outside of GitHub.
pub(super) fn report_writers(call: &Call, config: &RunConfig, options: &ReportOptions) -> Vec<ReportWriter> {
    let environment = &call.environment;
    let is_enabled = match config.annotations {
        Annotations::Auto => environment.find("GITHUB_ACTIONS") == Some("true"),
        Annotations::Github => true,
        Annotations::Nothing => false,
    };
    if !is_enabled {
        return Vec::new();
    }
    let sources = sources(environment.find("GITHUB_WORKSPACE").map(Path::new));
    // GitHub reads annotations from both streams. A format for programs needs stdout for itself.
    let sink = match config.format {
        Format::Pretty | Format::Terse => Sink::stdout(),
        Format::Json | Format::LibtestJson => Sink::stderr(),
    };
    let annotations = report::Annotations::new(sources.clone());
    let mut writers = vec![ReportWriter::new(Box::new(annotations), sink, Flush::AtEnd)];
    if let Some(path) = environment.find(SUMMARY_VARIABLE) {
        match Sink::append_to(SUMMARY_VARIABLE, Path::new(path)) {
            Ok(sink) => {
                let suite = call.suite().unwrap_or_else(|| "The suite".to_owned());
                let summary = StepSummary::new(suite, sources, options.repeat.clone());
                writers.push(ReportWriter::new(Box::new(summary), sink, Flush::AtEnd));
            }
            Err(error) => print_to_stderr(&format!("warning: the summary of this step is not written: {error}")),
        }
    }
    writers
}

/// The position of the workspace in the repository. The root of the workspace is the folder with the lock file.
fn sources(repository: Option<&Path>) -> Sources {
    let Some(repository) = repository else { return Sources::default() };
    let folder = std::env::current_dir().unwrap_or_default();
    let root = folder.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    let workspace = root.and_then(|root| root.strip_prefix(repository).ok()).map(PathBuf::from).unwrap_or_default();
    Sources { repository: repository.to_owned(), workspace }
}
