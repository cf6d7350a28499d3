//! The tests that failed when they last ran. Their names are stored in a file, one name per line.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::identity::Identity;
use crate::model::{Event, Outcome, RunConfig, set_of};
use crate::session::roots;

/// The tests of one suite that failed when they last ran.
#[derive(Debug)]
pub(super) struct LastFailed {
    path: PathBuf,
    /// The names before this run.
    before: BTreeSet<String>,
    /// The names with the results of this run.
    now: BTreeSet<String>,
}

impl LastFailed {
    /// Reads the names for this suite. None if there is no folder for the file, or cargo-nextest runs the tests.
    pub(super) fn load(identity: Identity, config: &RunConfig) -> Option<Self> {
        let (package, target) = (identity.package?, identity.target?);
        // The file is beside the sessions in cargo's target folder, never in the temporary directory.
        let roots = roots(config);
        let root = roots.first().filter(|_| config.session.dir.is_some() || roots.len() > 1)?;
        if config.session.nextest.is_some() {
            return None;
        }
        let path = root.with_file_name("last-failed").join(format!("{package}-{target}"));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before = set_of(text.lines().map(str::to_owned));
        Some(Self { path, now: before.clone(), before })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.before.contains(name)
    }

    /// Adds or removes the test of an event, depending on its result.
    pub(super) fn handle_event(&mut self, event: &Event) {
        let Event::CaseFinished(case) = event else { return };
        if case.report.outcome == Outcome::Interrupted {
            return;
        }
        if !case.is_success() {
            self.now.insert(case.id.to_string());
        } else if !self.now.is_empty() {
            self.now.remove(case.id.as_str());
        }
    }

    /// Saves the names for the next run.
    ///
    /// # Errors
    ///
    /// When the file cannot be written. The run itself is not affected.
    pub(super) fn save(&self) -> Result<(), String> {
        self.write().map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn write(&self) -> io::Result<()> {
        if self.now == self.before {
            return Ok(());
        }
        if self.now.is_empty() {
            return fs::remove_file(&self.path);
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let text: String = self.now.iter().flat_map(|name| [name.as_str(), "\n"]).collect();
        let draft = self.path.with_extension(std::process::id().to_string());
        let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.path));
        written.inspect_err(|_| drop(fs::remove_file(&draft)))
    }
}
