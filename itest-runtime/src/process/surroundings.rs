//! The environment and the working directory of this process, and whether somebody changed them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use self::variables::Places;

/// What they were when somebody looked.
#[derive(Debug)]
pub(crate) struct Surroundings {
    places: Places,
    variables: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    /// Device and number of the working directory.
    place: Option<(u64, u64)>,
}

impl Surroundings {
    /// Looks at them.
    #[must_use]
    pub(crate) fn look() -> Self {
        Self {
            places: Places::look(),
            variables: std::env::vars_os().collect(),
            directory: std::env::current_dir().ok(),
            place: place(),
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
    rustix::fs::stat(".").ok().map(|found| (found.st_dev as u64, found.st_ino as u64))
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
        pub(super) fn look() -> Self {
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
        let surroundings = Surroundings::look();
        assert!(surroundings.places.are_the_same() && !surroundings.variables.is_empty());
        assert!(surroundings.changed_variables().is_empty());
        assert_eq!(surroundings.changed_directory(), None);
    }
}
