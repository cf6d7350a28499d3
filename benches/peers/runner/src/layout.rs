//! The paths of committed templates, generated suites, build products and logs.

use std::env;
use std::path::{Path, PathBuf};

use figures::{Context, Failure};

use crate::suite::Suite;

/// The folders of the comparison.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    target: PathBuf,
}

impl Layout {
    pub(crate) fn find() -> Result<Self, Failure> {
        let runner = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = runner
            .parent()
            .ok_or_else(|| Failure::new("the runner is not in the folder of the comparison"))?
            .to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            // Cargo is started in other folders, where a relative path would mean something else.
            Some(folder) => env::current_dir().context(|| "finding the current folder".to_owned())?.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn template(&self, suite: Suite) -> PathBuf {
        self.root.join(suite.template())
    }

    pub(crate) fn lock_file(&self, suite: Suite) -> PathBuf {
        self.root.join(suite.lock_file())
    }

    pub(crate) fn generated(&self, suite: Suite, tests: usize) -> PathBuf {
        let folder = format!("{}-{tests}", suite.name());
        self.root.join("generated").join(folder)
    }

    /// The target directory that the suites share, so that common dependencies are built once.
    pub(crate) fn suites_target(&self) -> PathBuf {
        self.target.join("suites")
    }

    /// A target directory that is emptied before each cold build.
    pub(crate) fn cold_target(&self, variant: &str) -> PathBuf {
        self.target.join("cold").join(variant)
    }

    /// The folder for the output of started programs.
    pub(crate) fn logs(&self) -> PathBuf {
        self.target.join("logs")
    }
}
