//! What GitHub Actions is told, where its variables are set or somebody asks for it.

use std::path::{Path, PathBuf};

use super::call::Call;
use super::outlet::{Flush, Outlet, Sink, complain};
use crate::model::{Annotations, Format, RunConfig};
use crate::report::{self, ReportOptions, Sources, StepSummary};

/// The file to which each step appends its page.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The reports for GitHub: none, where this is another place.
pub(super) fn outlets(call: &Call, config: &RunConfig, look: &ReportOptions) -> Vec<Outlet> {
    let environment = &call.environment;
    let is_told = match config.annotations {
        Annotations::Auto => environment.find("GITHUB_ACTIONS") == Some("true"),
        Annotations::Github => true,
        Annotations::Nothing => false,
    };
    if !is_told {
        return Vec::new();
    }
    let sources = sources(environment.find("GITHUB_WORKSPACE").map(Path::new));
    // The runner listens to both streams; what programs read from stdout must stay as they expect it.
    let sink = match config.format {
        Format::Pretty | Format::Terse => Sink::stdout(),
        Format::Json | Format::LibtestJson => Sink::stderr(),
    };
    let annotations = report::Annotations::new(sources.clone());
    let mut outlets = vec![Outlet::new(Box::new(annotations), sink, Flush::AtTheEnd)];
    if let Some(path) = environment.find(SUMMARY) {
        match Sink::end_of(SUMMARY, Path::new(path)) {
            Ok(sink) => {
                let suite = call.suite().unwrap_or_else(|| "The suite".to_owned());
                let page = StepSummary::new(suite, sources, look.repeat.clone());
                outlets.push(Outlet::new(Box::new(page), sink, Flush::AtTheEnd));
            }
            Err(error) => complain(&format!("warning: the summary of this step is not written: {error}")),
        }
    }
    outlets
}

/// Where the workspace is in the repository: its root has the lock file.
fn sources(repository: Option<&Path>) -> Sources {
    let Some(repository) = repository else { return Sources::default() };
    let folder = std::env::current_dir().unwrap_or_default();
    let root = folder.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    let workspace = root.and_then(|root| root.strip_prefix(repository).ok()).map(PathBuf::from).unwrap_or_default();
    Sources { repository: repository.to_owned(), workspace }
}
