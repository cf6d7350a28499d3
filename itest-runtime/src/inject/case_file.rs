//! The file of a case.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;

/// The file of a case, for a parameter with `#[files(...)]`.
///
/// # Examples
///
/// ```no_run
/// use itest::CaseFile;
/// use itest::prelude::*;
///
/// #[integration_test]
/// fn order_is_read(#[files("tests/orders/*.txt")] order: CaseFile) -> Result {
///     assert!(order.text()?.starts_with("order "));
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFile {
    name: String,
    path: PathBuf,
}

impl CaseFile {
    pub(super) fn new(name: &str, path: &str) -> Self {
        Self { name: name.to_owned(), path: PathBuf::from(path) }
    }

    /// The name of the case: the path of the file below the folder that the patterns have in common.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file as text.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or is not UTF-8.
    pub fn text(&self) -> Result<String, Error> {
        fs::read_to_string(&self.path)
            .map_err(|error| Error::new(format!("cannot read {}: {error}", self.path.display())))
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        fs::read(&self.path).map_err(|error| Error::new(format!("cannot read {}: {error}", self.path.display())))
    }
}

/// A type that a parameter with `#[files(...)]` may have.
#[diagnostic::on_unimplemented(
    message = "a parameter with `#[files(…)]` is no `{Self}`",
    label = "write `PathBuf` or `itest::CaseFile`"
)]
pub trait FromCaseFile {
    /// Makes the value from the file.
    fn from_case_file(file: CaseFile) -> Self;
}

impl FromCaseFile for CaseFile {
    fn from_case_file(file: CaseFile) -> Self {
        file
    }
}

impl FromCaseFile for PathBuf {
    fn from_case_file(file: CaseFile) -> Self {
        file.path
    }
}
