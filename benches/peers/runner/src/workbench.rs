//! The shared state of all measurements: the options, the folders, and the built suites.

use std::collections::HashMap;
use std::path::PathBuf;

use figures::{Context, Failure};

use crate::cargo::Cargo;
use crate::generate::Generated;
use crate::launcher::Launcher;
use crate::layout::Layout;
use crate::numbers;
use crate::options::Options;
use crate::peer::Peer;
use crate::progress;
use crate::suite::Suite;

/// A suite and its test binary.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) generated: Generated,
    pub(crate) executable: PathBuf,
}

/// The state of one comparison.
#[derive(Debug)]
pub(crate) struct Workbench {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) launcher: Launcher,
    built: HashMap<(Suite, usize), Built>,
}

impl Workbench {
    pub(crate) fn new(options: Options) -> Result<Self, Failure> {
        let layout = Layout::find()?;
        let launcher = Launcher::new(&layout.logs())?;
        Ok(Self { options, layout, launcher, built: HashMap::new() })
    }

    pub(crate) fn cargo(&self) -> Cargo<'_> {
        Cargo { layout: &self.layout, launcher: &self.launcher }
    }

    /// The given suites that at least one included peer runs.
    pub(crate) fn wanted(&self, suites: &[Suite]) -> Vec<Suite> {
        let wanted =
            |suite: &Suite| Peer::ALL.into_iter().any(|peer| peer.suite() == *suite && self.options.includes(peer));
        suites.iter().copied().filter(wanted).collect()
    }

    /// The suite with this many tests. The first call generates and builds it.
    pub(crate) fn built(&mut self, suite: Suite, tests: usize) -> Result<Built, Failure> {
        if let Some(built) = self.built.get(&(suite, tests)) {
            return Ok(built.clone());
        }
        let name = suite.name();
        let count = numbers::grouped(tests);
        progress::doing(&format!("building {name} with {count} tests"));
        let generated = Generated::write(&self.layout, suite, tests)?;
        let executable = self.cargo().build(&generated).context(|| {
            let advice = match suite {
                Suite::Libtest => String::new(),
                _ => format!(" (`--skip {name}` leaves it out)"),
            };
            format!("building {name} with {count} tests{advice}")
        })?;
        let built = Built { generated, executable };
        self.built.insert((suite, tests), built.clone());
        Ok(built)
    }
}
