//! The timers of POSIX (`timer_create(2)`) that this process has. One that a test has left would end a later test by its signal.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The list holds some 70 bytes for each timer; what does not fit is passed over.
const MAX_LIST_BYTES: usize = 4096;

/// The timers that tests are to find. None are known where the system does not list them.
#[derive(Debug)]
pub(super) struct PosixTimers {
    /// Open, so that a check is one system call.
    list: Option<File>,
    known: BTreeSet<u32>,
}

impl PosixTimers {
    /// Takes those of this moment.
    pub(super) fn capture() -> Self {
        let mut timers = Self { list: File::open("/proc/self/timers").ok(), known: BTreeSet::new() };
        timers.known = timers.now();
        timers
    }

    /// The same without the open list, whose number would be taken for that of a file of the fixture which is being made.
    pub(super) fn without_list(self) -> Self {
        Self { list: None, ..self }
    }

    /// Adopts the timers that a worker fixture has made since `before`.
    pub(super) fn adopt_changes_since(&mut self, before: &Self) {
        self.known.extend(self.now().difference(&before.known));
    }

    /// How many there are more than before. From now on, they are known.
    pub(super) fn count_new(&mut self) -> usize {
        let now = self.now();
        let new = now.difference(&self.known).count();
        self.known = now;
        new
    }

    fn now(&self) -> BTreeSet<u32> {
        let mut bytes = [0; MAX_LIST_BYTES];
        let length = self.list.as_ref().and_then(|list| list.read_at(&mut bytes, 0).ok()).unwrap_or(0);
        let text = str::from_utf8(&bytes[..length]).unwrap_or_default();
        text.lines().filter_map(|line| line.strip_prefix("ID: ")?.parse().ok()).collect()
    }
}
