//! The recipe of a server: what its program is started with.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::fingerprint::Fingerprint;

/// The folder in the recipe of a program, instead of its own one, which has another name at each start.
pub(crate) const SAMPLE_FOLDER: &str = "/itest";

/// The recipe of a program: its file, its arguments and its variables. A file that was updated is another recipe.
pub(crate) fn recipe_of(program: &[OsString]) -> Fingerprint {
    let file = program.first().and_then(|path| fs::metadata(Path::new(path)).ok());
    let file = file.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
    Fingerprint::default().with(&program).with(&file)
}
