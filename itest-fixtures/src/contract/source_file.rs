//! A file of a contract.

use std::fs;
use std::path::Path;

use super::document::Document;
use super::lines::Lines;
use super::problem::ContractProblem;
use super::{json, yaml};

/// The largest file of a contract.
const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// A file of a contract, whose content is in the document.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// The path as messages show it.
    pub(super) shown: String,
    pub(super) lines: Lines,
}

impl SourceFile {
    /// The file, and the line of the part at a pointer: `contracts/payments.yaml:12`.
    pub(super) fn place(&self, pointer: &str) -> String {
        format!("{}:{}", self.shown, self.lines.at(pointer))
    }

    /// A problem of the part at a pointer.
    pub(super) fn problem(&self, pointer: &str, reason: impl Into<String>) -> ContractProblem {
        ContractProblem::at_line(&self.shown, self.lines.at(pointer), reason).at_pointer(pointer)
    }
}

/// Reads a file. `shown` is its path in messages.
///
/// # Errors
///
/// When it cannot be read, is too large, or is neither YAML nor JSON.
pub(super) fn read(path: &Path, shown: &str) -> Result<Document, ContractProblem> {
    let failed = |reason: String| ContractProblem::of_file(shown, reason);
    let metadata = fs::metadata(path).map_err(|error| failed(format!("it cannot be read: {error}")))?;
    if metadata.len() > MAX_FILE_BYTES {
        return Err(failed(format!("it has more than {MAX_FILE_BYTES} bytes")));
    }
    let bytes = fs::read(path).map_err(|error| failed(format!("it cannot be read: {error}")))?;
    let text = match str::from_utf8(&bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            return Err(ContractProblem::at_line(shown, u32::try_from(line).unwrap_or(u32::MAX), "it is not in UTF-8"));
        }
    };
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_json { json::read(shown, text) } else { yaml::read(shown, text) }
}
