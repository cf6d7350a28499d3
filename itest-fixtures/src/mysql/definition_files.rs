//! Detects changed definitions by their files. A private server of MariaDB keeps each definition in a file, and comparing files takes less
//! time than a query.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Inode, size and change time of a file. The server writes a changed definition to a new file and renames it, so at least the inode
/// changes.
type Stamp = (u64, u64, i64, i64);

/// The files of a database, without those of its rows.
#[derive(Debug)]
pub(super) struct DefinitionFiles {
    folder: PathBuf,
    stamps: BTreeMap<OsString, Stamp>,
}

impl DefinitionFiles {
    /// Reads the files in the folder of a database. `None` if the folder does not exist, or if the server keeps its definitions elsewhere.
    pub(super) fn of(folder: PathBuf) -> Option<Self> {
        let stamps = read_stamps(&folder)?;
        let has_definition_files = stamps.keys().any(|name| name.to_string_lossy().ends_with(".frm"));
        has_definition_files.then_some(Self { folder, stamps })
    }

    /// Whether no file has changed since the last comparison.
    pub(super) fn are_unchanged(&mut self) -> bool {
        // A folder that has become unreadable counts as changed.
        let stamps = read_stamps(&self.folder).unwrap_or_default();
        let are_unchanged = stamps == self.stamps;
        self.stamps = stamps;
        are_unchanged
    }
}

fn read_stamps(folder: &PathBuf) -> Option<BTreeMap<OsString, Stamp>> {
    let mut stamps = BTreeMap::new();
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let name = entry.file_name();
        // These files contain the rows of InnoDB, which change with every test.
        if name.to_string_lossy().ends_with(".ibd") {
            continue;
        }
        let metadata = entry.metadata().ok()?;
        stamps.insert(name, (metadata.ino(), metadata.size(), metadata.ctime(), metadata.ctime_nsec()));
    }
    Some(stamps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewritten_definition_file_is_a_change_and_a_row_file_is_not() {
        let folder = std::env::temp_dir().join(format!("itest-definitions-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        assert!(DefinitionFiles::of(folder.clone()).is_none(), "there are none");
        let write = |name: &str, text: &str| {
            let draft = folder.join("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(&draft, folder.join(name)).unwrap();
        };
        write("a.frm", "1");
        write("a.ibd", "1");
        let mut files = DefinitionFiles::of(folder.clone()).unwrap();
        write("a.ibd", "2");
        assert!(files.are_unchanged());
        write("a.frm", "1");
        assert!(!files.are_unchanged());
        assert!(files.are_unchanged());
        write("b.TRG", "");
        assert!(!files.are_unchanged());
        fs::remove_dir_all(&folder).unwrap();
        assert!(!files.are_unchanged());
    }
}
