//! Detects whether a test has changed the environment variables or the working directory of this process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use self::variables::VariablePointers;

use crate::model::{map_of, set_of};

/// The environment variables and the working directory with which each test starts.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pointers: VariablePointers,
    variables: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    directory_id: Option<DirectoryId>,
}

/// The device and the inode of a directory.
type DirectoryId = (u64, u64);

impl Surroundings {
    /// Captures the current variables and the current working directory.
    #[must_use]
    pub(crate) fn capture() -> Self {
        Self {
            pointers: VariablePointers::capture(),
            variables: map_of(std::env::vars_os()),
            directory: std::env::current_dir().ok(),
            directory_id: current_directory_id(),
        }
    }

    /// Accepts the changes that a worker fixture has made since `before`. Changes that the running test had made before are
    /// still reported as changes of the test.
    pub(crate) fn adopt_changes_since(&mut self, before: &Self) {
        let now = Self::capture();
        if before.directory_id != now.directory_id {
            self.directory = now.directory;
            self.directory_id = now.directory_id;
        }
        let is_changed_by_test = before.variables != self.variables;
        for name in now.variables.keys().chain(before.variables.keys()) {
            match (before.variables.get(name), now.variables.get(name)) {
                (before, now) if before == now => {}
                (_, Some(value)) => drop(self.variables.insert(name.clone(), value.clone())),
                (_, None) => drop(self.variables.remove(name)),
            }
        }
        if !is_changed_by_test {
            self.pointers = now.pointers;
        }
    }

    /// The names of the environment variables that were set, changed or removed.
    #[must_use]
    pub(crate) fn changed_variables(&self) -> Vec<String> {
        // This runs after every test. Comparing pointers is much cheaper than copying all variables.
        if self.pointers.are_unchanged() {
            return Vec::new();
        }
        let now = map_of(std::env::vars_os());
        let names = set_of(now.keys().chain(self.variables.keys()));
        let changed = names.into_iter().filter(|name| now.get(*name) != self.variables.get(*name));
        changed.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// The new working directory, if it has changed.
    #[must_use]
    pub(crate) fn changed_directory(&self) -> Option<String> {
        if current_directory_id() == self.directory_id {
            return None;
        }
        let now = std::env::current_dir();
        Some(now.map_or_else(|_| "a directory that no longer exists".to_owned(), |now| now.display().to_string()))
    }

    /// Changes the working directory back to the captured one.
    pub(crate) fn restore_directory(&self) -> io::Result<()> {
        self.directory.as_ref().map_or(Ok(()), std::env::set_current_dir)
    }
}

#[expect(clippy::allow_attributes, reason = "the lints fire on some systems only")]
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "the types differ between systems")]
fn current_directory_id() -> Option<DirectoryId> {
    // The empty path is cheaper, because the system does not have to resolve it.
    #[cfg(target_os = "linux")]
    let stat = rustix::fs::statat(rustix::fs::CWD, c"", rustix::fs::AtFlags::EMPTY_PATH);
    #[cfg(not(target_os = "linux"))]
    let stat = rustix::fs::stat(c".");
    stat.ok().map(|stat| (stat.st_dev as u64, stat.st_ino as u64))
}

#[expect(unsafe_code, reason = "copying all variables after every test costs more than an empty test")]
mod variables {
    use std::ffi::c_char;
    use std::ptr;
    use std::slice;

    // SAFETY: every C library defines this variable: it is null or points to an array of pointers that ends with null.
    unsafe extern "C" {
        static environ: *const *const c_char;
    }

    /// The address of the environment's array, and the pointers in it with the null at its end. Setting a variable changes
    /// one of them.
    #[derive(Debug)]
    pub(super) struct VariablePointers {
        array: usize,
        pointers: Vec<*const c_char>,
    }

    fn array() -> *const *const c_char {
        // SAFETY: the call only reads a pointer. Code that changes the environment must guarantee that no other code reads
        // it at the same time. This function is called between two tests, when no code changes the environment.
        unsafe { ptr::addr_of!(environ).read_volatile() }
    }

    impl VariablePointers {
        pub(super) fn capture() -> Self {
            let array = array();
            let mut length = 0;
            if !array.is_null() {
                // SAFETY: the loop has not reached the null at the end, so that this element exists.
                while !unsafe { *array.add(length) }.is_null() {
                    length += 1;
                }
                length += 1;
            }
            Self { array: array.addr(), pointers: slice(array, length).to_vec() }
        }

        /// Whether no variable was set or removed since the capture. Setting a variable replaces its pointer or the array.
        pub(super) fn are_unchanged(&self) -> bool {
            let array = array();
            // An array at the same address has at least the length that it had.
            array.addr() == self.array && slice(array, self.pointers.len()) == self.pointers.as_slice()
        }
    }

    fn slice<'a>(array: *const *const c_char, length: usize) -> &'a [*const c_char] {
        if length == 0 {
            return &[];
        }
        // SAFETY: the callers ensure that the array has this length, and they use the slice only during their own call.
        unsafe { slice::from_raw_parts(array, length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn unchanged_environment_reports_no_change() {
        let surroundings = Surroundings::capture();
        assert!(surroundings.pointers.are_unchanged() && !surroundings.variables.is_empty());
        assert!(surroundings.changed_variables().is_empty());
        assert_eq!(surroundings.changed_directory(), None);
    }

    /// This test changes only its own copies of the variables, because other tests read the environment of this process.
    #[test]
    fn fixture_changes_are_adopted_and_test_changes_are_not() {
        let mut surroundings = Surroundings::capture();
        let mut before = Surroundings::capture();
        let gone = OsString::from("GONE_BEFORE_THE_FIXTURE");
        surroundings.variables.insert(gone.clone(), OsString::new());
        before.variables.insert(OsString::from("REMOVED_BY_THE_FIXTURE"), OsString::new());
        surroundings.variables.insert(OsString::from("REMOVED_BY_THE_FIXTURE"), OsString::new());
        surroundings.adopt_changes_since(&before);
        let before: Vec<_> = before.variables.keys().cloned().collect();
        let mut expected: BTreeSet<_> = before.into_iter().filter(|name| name != "REMOVED_BY_THE_FIXTURE").collect();
        expected.insert(gone);
        assert_eq!(surroundings.variables.keys().cloned().collect::<BTreeSet<_>>(), expected);
    }
}
