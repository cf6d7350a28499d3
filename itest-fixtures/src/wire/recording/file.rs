//! The file of a recording, at a path that follows from the suite, the third party and the test.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use itest_runtime::__private::{suite, variable};
use itest_runtime::TestId;

/// The folder of all recordings, inside of the package.
const FOLDER: &str = "tests/recordings";

/// The largest file of a recording. Larger ones are hard to review, and slow down every checkout.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The files that the stand-ins of this process use.
static IN_USE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The file of a recording. Only one stand-in of a process uses the file at a time. `Display` shows the path inside of the package.
#[derive(Debug)]
pub(super) struct RecordingFile {
    path: PathBuf,
    /// The path inside of the package.
    shown: String,
}

impl RecordingFile {
    /// Reserves the file of a test: `tests/recordings/SUITE/API/MODULE/TEST.json`. A name distinguishes several stand-ins of one test.
    ///
    /// # Errors
    ///
    /// When another stand-in uses the file.
    pub(super) fn reserve(api: &str, test: &TestId, name: Option<&str>) -> Result<Self, String> {
        let shown = path_in_package(suite().target, api, test, name);
        // The code under test may change the working directory, and cargo sets this variable for every test.
        let package = variable("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let path = std::path::absolute(package.join(&shown)).unwrap_or_else(|_| package.join(&shown));
        if !in_use().insert(path.clone()) {
            return Err(format!(
                "another stand-in of this test uses the recording {shown}; give one of them a name with `use_recording_named`"
            ));
        }
        Ok(Self { path, shown })
    }

    /// The text of the file. None if the file does not exist.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn read(&self) -> Result<Option<String>, String> {
        let failed = |error: io::Error| format!("cannot read the recording {self}: {error}");
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(metadata) if metadata.len() > MAX_FILE_BYTES => {
                return Err(format!("the recording {self} has more than {MAX_FILE_BYTES} bytes"));
            }
            Ok(_) => {}
        }
        fs::read_to_string(&self.path).map(Some).map_err(failed)
    }

    /// Writes the file. Readers see the old text or the new one.
    ///
    /// # Errors
    ///
    /// When the text is too long or the file cannot be written. Then the old text stays.
    pub(super) fn write(&self, text: &str) -> Result<(), String> {
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("the recording {self} would have more than {MAX_FILE_BYTES} bytes"));
        }
        self.replace(text).map_err(|error| format!("cannot write the recording {self}: {error}"))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let draft = self.path.with_extension(format!("json.{}", std::process::id()));
        let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.path));
        written.inspect_err(|_| drop(fs::remove_file(&draft)))
    }
}

impl fmt::Display for RecordingFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.shown)
    }
}

impl Drop for RecordingFile {
    fn drop(&mut self) {
        in_use().remove(&self.path);
    }
}

fn in_use() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path of a recording inside of its package. Each module of the test is a folder, so that different tests have different files.
fn path_in_package(suite: Option<&str>, api: &str, test: &TestId, name: Option<&str>) -> String {
    let mut path = Path::new(FOLDER).to_path_buf();
    path.extend(suite.into_iter().chain([api]).map(file_name));
    path.extend(test.as_str().split("::").map(file_name));
    let suffix = name.map(|name| format!(".{}", file_name(name))).unwrap_or_default();
    format!("{}{suffix}.json", path.display())
}

/// A text as the name of a file, without separators and without a dot at its beginning.
fn file_name(text: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    let name: String = text.chars().map(|character| if is_plain(character) { character } else { '_' }).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_names_suite_api_and_test() {
        let path = |suite, api, test: &'static str, name| path_in_package(suite, api, &TestId::new(test), name);
        assert_eq!(
            path(Some("integration"), "payments", "checkout::card_is_charged::small", None),
            "tests/recordings/integration/payments/checkout/card_is_charged/small.json"
        );
        assert_eq!(
            path(None, "../pay ments", "charged", Some("second")),
            "tests/recordings/_.._pay_ments/charged.second.json"
        );
    }
}
