//! The environment and the working directory of this process, and whether a test changed them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use self::variables::Places;

/// The environment and the working directory that tests are to find.
#[derive(Debug)]
pub(crate) struct Surroundings {
    places: Places,
    variables: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    /// Device and number of the working directory.
    place: Option<(u64, u64)>,
}

impl Surroundings {
    /// Takes those of this moment.
    #[must_use]
    pub(crate) fn capture() -> Self {
        Self {
            places: Places::capture(),
            variables: std::env::vars_os().collect(),
            directory: std::env::current_dir().ok(),
            place: place(),
        }
    }

    /// Adopts what a worker fixture has changed since `before`. What the running test had changed until then remains its change.
    pub(crate) fn adopt_changes_since(&mut self, before: &Self) {
        let now = Self::capture();
        if before.place != now.place {
            self.directory = now.directory;
            self.place = now.place;
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
            self.places = now.places;
        }
    }

    /// Environment variables that were set, changed or removed.
    #[must_use]
    pub(crate) fn changed_variables(&self) -> Vec<String> {
        // Asked after every test.
        if self.places.are_the_same() {
            return Vec::new();
        }
        let now: BTreeMap<_, _> = std::env::vars_os().collect();
        let names: BTreeSet<_> = now.keys().chain(self.variables.keys()).collect();
        let changed = names.into_iter().filter(|name| now.get(*name) != self.variables.get(*name));
        changed.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// The working directory, if it is another one now.
    #[must_use]
    pub(crate) fn changed_directory(&self) -> Option<String> {
        if place() == self.place {
            return None;
        }
        let now = std::env::current_dir();
        Some(now.map_or_else(|_| "one that is gone".to_owned(), |now| now.display().to_string()))
    }

    /// Goes back to where the process was.
    pub(crate) fn restore_directory(&self) -> io::Result<()> {
        self.directory.as_ref().map_or(Ok(()), std::env::set_current_dir)
    }
}

#[expect(clippy::allow_attributes, reason = "the lints fire on some systems only")]
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, reason = "the types differ between systems")]
fn place() -> Option<(u64, u64)> {
    // Without a path, which the system would have to walk.
    #[cfg(target_os = "linux")]
    let found = rustix::fs::statat(rustix::fs::CWD, c"", rustix::fs::AtFlags::EMPTY_PATH);
    #[cfg(not(target_os = "linux"))]
    let found = rustix::fs::stat(c".");
    found.ok().map(|found| (found.st_dev as u64, found.st_ino as u64))
}

#[expect(unsafe_code, reason = "copying all variables after every test costs more than an empty test")]
mod variables {
    use std::ffi::c_char;
    use std::ptr;
    use std::slice;

    // SAFETY: every C library keeps the environment in this variable: null, or an array of pointers that ends with null.
    unsafe extern "C" {
        static environ: *const *const c_char;
    }

    /// Where the variables are: the array, and what stands in it, with the null at its end.
    #[derive(Debug)]
    pub(super) struct Places {
        array: usize,
        pointers: Vec<*const c_char>,
    }

    fn array() -> *const *const c_char {
        // SAFETY: a pointer is read. Whoever changes the environment promised that nobody reads it meanwhile; here, between
        // two tests, nobody changes it.
        unsafe { ptr::addr_of!(environ).read_volatile() }
    }

    impl Places {
        pub(super) fn capture() -> Self {
            let array = array();
            let mut length = 0;
            if !array.is_null() {
                // SAFETY: the null at the end was not met yet.
                while !unsafe { *array.add(length) }.is_null() {
                    length += 1;
                }
                length += 1;
            }
            Self { array: array.addr(), pointers: slice(array, length).to_vec() }
        }

        /// A variable that was set is another pointer, or the array is another one.
        pub(super) fn are_the_same(&self) -> bool {
            let array = array();
            // The same array has at least the room that it had.
            array.addr() == self.array && slice(array, self.pointers.len()) == self.pointers.as_slice()
        }
    }

    fn slice<'a>(array: *const *const c_char, length: usize) -> &'a [*const c_char] {
        if length == 0 {
            return &[];
        }
        // SAFETY: the array has this length, see the callers; the slice is looked at and let go at once.
        unsafe { slice::from_raw_parts(array, length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_changed_by_itself() {
        let surroundings = Surroundings::capture();
        assert!(surroundings.places.are_the_same() && !surroundings.variables.is_empty());
        assert!(surroundings.changed_variables().is_empty());
        assert_eq!(surroundings.changed_directory(), None);
    }

    /// Other tests read the environment in this process, so that none of them may see it change.
    #[test]
    fn change_of_a_fixture_is_adopted_and_that_of_a_test_is_not() {
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
