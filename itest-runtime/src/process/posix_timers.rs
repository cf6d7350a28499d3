//! The POSIX timers (`timer_create(2)`) of this process. The signal of a timer that a test left behind would end a later test.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::model::set_of;

/// The most bytes that are read of the list of timers, which has about 70 bytes for each timer. Further timers are ignored.
const MAX_LIST_BYTES: usize = 4096;

/// The timers that are not leaks of the next test. The set is empty if the system does not list timers.
#[derive(Debug)]
pub(super) struct PosixTimers {
    /// `/proc/self/timers`, which is kept open, so that a check is one system call.
    list: Option<File>,
    known: BTreeSet<u32>,
}

impl PosixTimers {
    /// Captures the current timers.
    pub(super) fn capture() -> Self {
        let mut timers = Self { list: File::open("/proc/self/timers").ok(), known: BTreeSet::new() };
        timers.known = timers.list_current();
        timers
    }

    /// The same timers without the open list. The leak check would otherwise take the list for a file of the fixture that is
    /// being set up.
    pub(super) fn without_list(self) -> Self {
        Self { list: None, ..self }
    }

    /// Adds the timers that a worker fixture has created since `before`.
    pub(super) fn adopt_changes_since(&mut self, before: &Self) {
        self.known.extend(self.list_current().difference(&before.known));
    }

    /// The number of timers that are new since the last call. All current timers are known from now on.
    pub(super) fn count_new(&mut self) -> usize {
        let now = self.list_current();
        let new = now.difference(&self.known).count();
        self.known = now;
        new
    }

    fn list_current(&self) -> BTreeSet<u32> {
        let mut bytes = [0; MAX_LIST_BYTES];
        let length = self.list.as_ref().and_then(|list| list.read_at(&mut bytes, 0).ok()).unwrap_or(0);
        if length == 0 {
            return BTreeSet::new();
        }
        let text = str::from_utf8(&bytes[..length]).unwrap_or_default();
        set_of(text.lines().filter_map(|line| line.strip_prefix("ID: ")?.parse().ok()))
    }
}
