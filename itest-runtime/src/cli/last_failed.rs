//! Which tests failed when they last ran: a file with a name a line, kept from run to run.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::identity::Identity;
use crate::model::{Event, Outcome, RunConfig};
use crate::session::roots;

/// The tests of one suite that failed when they last ran.
#[derive(Debug)]
pub(super) struct LastFailed {
    path: PathBuf,
    before: BTreeSet<String>,
    now: BTreeSet<String>,
}

impl LastFailed {
    /// Those of this suite. None where there is no place for such a file, or somebody else looks after that.
    pub(super) fn of(identity: Identity, config: &RunConfig) -> Option<Self> {
        let (package, target) = (identity.package?, identity.target?);
        // Beside the sessions, in the folder of what cargo built; the temp dir is not a place for it.
        let roots = roots(config);
        let root = roots.first().filter(|_| config.session.dir.is_some() || roots.len() > 1)?;
        if config.session.nextest.is_some() {
            return None;
        }
        let path = root.with_file_name("last-failed").join(format!("{package}-{target}"));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let before: BTreeSet<_> = text.lines().map(str::to_owned).collect();
        Some(Self { path, now: before.clone(), before })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.before.contains(name)
    }

    /// Learns how a test ended.
    pub(super) fn event(&mut self, event: &Event) {
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

    /// Writes down what was learnt. It is a convenience: where it cannot be written, the run is none the worse.
    ///
    /// # Errors
    ///
    /// The file, and why it cannot be written.
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
