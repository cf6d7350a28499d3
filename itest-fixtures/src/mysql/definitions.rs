//! Whether anybody has changed a definition: a private server of MariaDB keeps each in a file, and looking at files costs less than asking.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What a file is recognized by, unless its text is the same: a definition is written to a new file, and that is renamed.
type Stamp = (u64, u64, i64, i64);

/// The files of a database but those with rows.
#[derive(Debug)]
pub(super) struct Definitions {
    folder: PathBuf,
    seen: BTreeMap<OsString, Stamp>,
}

impl Definitions {
    /// Those in the folder of a database; none where there is no such folder, or the server keeps definitions elsewhere.
    pub(super) fn of(folder: PathBuf) -> Option<Self> {
        let seen = look(&folder)?;
        let are_files = seen.keys().any(|name| name.to_string_lossy().ends_with(".frm"));
        are_files.then_some(Self { folder, seen })
    }

    /// Whether all of them are what they were at the last look, which this one becomes.
    pub(super) fn are_unchanged(&mut self) -> bool {
        // A folder that cannot be read any more is not what it was.
        let seen = look(&self.folder).unwrap_or_default();
        let are_unchanged = seen == self.seen;
        self.seen = seen;
        are_unchanged
    }
}

fn look(folder: &PathBuf) -> Option<BTreeMap<OsString, Stamp>> {
    let mut seen = BTreeMap::new();
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let name = entry.file_name();
        // The rows of InnoDB, which change with every test.
        if name.to_string_lossy().ends_with(".ibd") {
            continue;
        }
        let found = entry.metadata().ok()?;
        seen.insert(name, (found.ino(), found.size(), found.ctime(), found.ctime_nsec()));
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_that_is_written_anew_is_noticed_and_rows_are_not() {
        let folder = std::env::temp_dir().join(format!("itest-definitions-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        assert!(Definitions::of(folder.clone()).is_none(), "there are none");
        let write = |name: &str, text: &str| {
            let draft = folder.join("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(&draft, folder.join(name)).unwrap();
        };
        write("a.frm", "1");
        write("a.ibd", "1");
        let mut definitions = Definitions::of(folder.clone()).unwrap();
        write("a.ibd", "2");
        assert!(definitions.are_unchanged());
        write("a.frm", "1");
        assert!(!definitions.are_unchanged());
        assert!(definitions.are_unchanged());
        write("b.TRG", "");
        assert!(!definitions.are_unchanged());
        fs::remove_dir_all(&folder).unwrap();
        assert!(!definitions.are_unchanged());
    }
}
