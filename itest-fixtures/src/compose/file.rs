//! The compose file of a suite.

use std::path::{Path, PathBuf};

use itest_runtime::__private::variable;
use itest_runtime::Error;

/// A compose file that exists.
#[derive(Debug)]
pub(super) struct ComposeFile {
    /// Its absolute path.
    pub(super) path: PathBuf,
    /// Its path in the package, for messages.
    pub(super) shown: &'static str,
}

impl ComposeFile {
    /// The file at a path of the package.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub(super) fn find(shown: &'static str) -> Result<Self, Error> {
        // The code under test may change the working directory, and cargo sets this variable for every test.
        let package = variable("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let path = package.join(shown);
        let path = std::path::absolute(&path).unwrap_or(path);
        if path.is_file() {
            return Ok(Self { path, shown });
        }
        Err(Error::new(format!(
            "there is no compose file {}; `Stack::FILE` is relative to the folder of the package",
            path.display()
        )))
    }

    /// The folder that relative paths in the file begin with.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }
}
