//! What a process has that a test may leave behind: children, threads, open files, sockets.
//!
//! After each test only counts are compared, which costs a few system calls. The details are read only if a count has grown.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::children::{adopt_orphans, children, entries_by_number, kill_children_but, listed_children};
use super::identity::number;
use super::leak::Leak;
use crate::inject::is_own_thread;

/// What this process had after the last test, and what worker fixtures have opened since: the baseline of the next test.
#[derive(Debug)]
pub(crate) struct Residue {
    /// Open, so that looking is one system call.
    threads_folder: Option<File>,
    files_folder: Option<File>,
    /// Those that were there at the very beginning, or are the harness's.
    own_children: BTreeSet<u32>,
    known: Snapshot,
    /// How many of the harness's files were opened since, whatever their numbers are.
    own_files: usize,
}

/// What this process has at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    children: BTreeSet<u32>,
    threads: BTreeSet<u32>,
    files: BTreeSet<u32>,
}

impl Snapshot {
    /// Lists what this process has now.
    #[must_use]
    pub(crate) fn take() -> Self {
        let threads = entries_by_number("/proc/self/task").map(|(thread, _)| thread).collect();
        Self { children: children(), threads, files: numbers_of_files() }
    }
}

impl Residue {
    /// Takes what this process has now as the baseline. From now on, this process becomes the parent of its orphaned descendants.
    #[must_use]
    pub(crate) fn capture() -> Self {
        adopt_orphans();
        let threads_folder = File::open("/proc/self/task").ok();
        let files_folder = File::open("/proc/self/fd").ok();
        let own_children = children();
        Self { threads_folder, files_folder, own_children, known: Snapshot::take(), own_files: 0 }
    }

    /// Takes what this process has now as the new baseline, because the test before has been judged.
    pub(crate) fn reset_baseline(&mut self) {
        self.known = Snapshot::take();
        self.own_files = 0;
    }

    /// The same for open files alone.
    pub(crate) fn reset_baseline_of_files(&mut self) {
        self.known.files = numbers_of_files();
        self.own_files = 0;
    }

    /// Adds to the baseline what was opened since `before`, because a worker fixture has opened it.
    pub(crate) fn add_since(&mut self, before: &Snapshot) {
        let now = Snapshot::take();
        self.known.children.extend(now.children.difference(&before.children));
        self.known.threads.extend(now.threads.difference(&before.threads));
        self.known.files.extend(now.files.difference(&before.files));
    }

    /// Adds a process and a number of files of the harness to the baseline.
    pub(crate) fn exclude(&mut self, process: Option<u32>, files: usize) {
        self.known.children.extend(process);
        self.own_children.extend(process);
        self.own_files += files;
    }

    /// Whether a test that took so long has left no file, no thread and no process, as far as counts tell.
    ///
    /// If files of the baseline were closed, the baseline is taken anew.
    #[must_use]
    pub(crate) fn settle_counts(&mut self, elapsed: Duration) -> bool {
        // What was quicker than this has started neither a thread nor a process.
        const TOO_SHORT: Duration = Duration::from_micros(5);
        match self.count_files().cmp(&(self.known.files.len() + self.own_files)) {
            Ordering::Greater => return false,
            // The number of a file that was closed is given to the next one.
            Ordering::Less => self.reset_baseline_of_files(),
            Ordering::Equal => {}
        }
        elapsed < TOO_SHORT || (self.count_threads() <= self.known.threads.len() && !self.reap_and_find_new_children())
    }

    /// Whether there are new children that run. Those that have ended are waited for, because a zombie is no leak.
    fn reap_and_find_new_children(&self) -> bool {
        let mut living = false;
        for child in listed_children().difference(&self.known.children) {
            let ended = number(*child).is_some_and(|child| {
                matches!(waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(Some(_)))
            });
            living |= !ended;
        }
        living
    }

    /// The processes, threads and files that were added, but for these descriptors, which are the harness's own.
    #[must_use]
    pub(crate) fn added(&self, own: &[RawFd]) -> Vec<Leak> {
        let mut leaks: Vec<_> =
            children().difference(&self.known.children).map(|child| Leak::process(*child)).collect();
        for (thread, path) in self.added_threads() {
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            leaks.push(Leak::Thread { thread, name: name.trim_end().to_owned() });
        }
        let new = files_by_number().filter(|(file, _)| !self.known.files.contains(file));
        let new = new.filter(|(file, _)| !own.iter().any(|own| u32::try_from(*own) == Ok(*file)));
        leaks.extend(new.filter_map(|(file, path)| Leak::file(file, &fs::read_link(path).ok()?.display().to_string())));
        leaks
    }

    /// Whether a thread that was added is doing something: on a busy machine it may be about to end.
    #[must_use]
    pub(crate) fn has_busy_threads(&self) -> bool {
        self.added_threads().any(|(_, path)| {
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            // Behind the name, which may hold anything: running, or waiting for a disk.
            stat.rsplit(") ").next().is_some_and(|state| state.starts_with(['R', 'D']))
        })
    }

    fn added_threads(&self) -> impl Iterator<Item = (u32, PathBuf)> {
        entries_by_number("/proc/self/task")
            .filter(|(thread, _)| !self.known.threads.contains(thread) && !is_own_thread(*thread))
    }

    /// Kills all processes that were left behind since the first look, and waits for them.
    pub(crate) fn kill_children(&self) {
        kill_children_but(&self.own_children);
    }

    fn count_threads(&self) -> usize {
        let links = stat_of(self.threads_folder.as_ref()).map_or(0, |found| links(&found));
        // The folder has two links of its own.
        usize::try_from(links.saturating_sub(2)).unwrap_or(usize::MAX)
    }

    fn count_files(&self) -> usize {
        // Linux tells the number of open files as the folder's size since 6.2; before, they are counted.
        let told = stat_of(self.files_folder.as_ref()).and_then(|found| usize::try_from(found.st_size).ok());
        told.filter(|files| *files > 0).unwrap_or_else(|| numbers_of_files().len())
    }
}

fn stat_of(folder: Option<&File>) -> Option<rustix::fs::Stat> {
    folder.and_then(|folder| rustix::fs::fstat(folder).ok())
}

#[expect(clippy::allow_attributes, reason = "the lint fires on some systems only")]
#[allow(clippy::useless_conversion, reason = "the type differs between systems")]
fn links(found: &rustix::fs::Stat) -> u64 {
    found.st_nlink.into()
}

/// The numbers of the open files, without that of the folder which is open while it is listed: the next file has it again.
fn numbers_of_files() -> BTreeSet<u32> {
    let next = File::open("/dev/null").ok().and_then(|file| u32::try_from(file.as_raw_fd()).ok());
    files_by_number().map(|(file, _)| file).filter(|file| Some(*file) != next).collect()
}

fn files_by_number() -> impl Iterator<Item = (u32, PathBuf)> {
    entries_by_number("/proc/self/fd")
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::process::Command;
    use std::sync::mpsc;

    use rustix::io::fcntl_dupfd_cloexec;

    use super::*;

    /// Other tests run in this process, and the number of a file that one of them closed is given to the next. So files of
    /// these tests get numbers that none of the others comes to.
    fn with_high_number(file: impl AsFd) -> OwnedFd {
        fcntl_dupfd_cloexec(&file, 600).unwrap()
    }

    fn words(residue: &Residue) -> Vec<String> {
        residue.added(&[]).iter().map(Leak::in_words).collect()
    }

    #[test]
    fn everything_that_was_left_is_named() {
        let residue = Residue::capture();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let datagrams = socket.local_addr().unwrap();
        let connection = UnixStream::pair().unwrap();
        let _files = [with_high_number(listener), with_high_number(socket), with_high_number(&connection.0)];
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let (end, ended) = mpsc::channel::<()>();
        let (begin, started) = mpsc::channel::<()>();
        let left = move || (begin.send(()), ended.recv());
        let thread = std::thread::Builder::new().name("left".to_owned()).spawn(left).unwrap();
        started.recv().unwrap();
        let expected = [
            format!("process {} (sleep 60)", child.id()),
            format!("listening port {address}"),
            format!("listening port {datagrams}"),
            "connection to a socket without a name".to_owned(),
            "(left)".to_owned(),
        ];
        // The child becomes `sleep` in its own time.
        let mut missing = Vec::new();
        for _ in 0..1_000 {
            let words = words(&residue);
            missing = expected.iter().filter(|part| !words.iter().any(|word| word.contains(*part))).collect();
            if missing.is_empty() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(end);
        let _ = thread.join();
        assert!(missing.is_empty(), "not named: {missing:?}, but {:?}", words(&residue));
    }

    #[test]
    fn what_a_fixture_opened_while_it_was_made_is_not_added() {
        let mut residue = Residue::capture();
        let _of_test = with_high_number(File::open("/dev/zero").unwrap());
        let before = Snapshot::take();
        let _of_fixture = with_high_number(File::open("/dev/full").unwrap());
        residue.add_since(&before);
        let words = words(&residue);
        assert!(words.contains(&"open file /dev/zero".to_owned()), "{words:?}");
        assert!(!words.contains(&"open file /dev/full".to_owned()), "{words:?}");
    }

    #[test]
    fn thread_that_works_is_busy() {
        let residue = Residue::capture();
        let (end, ended) = mpsc::channel::<()>();
        let works = std::thread::spawn(move || while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {});
        assert!(residue.has_busy_threads());
        drop(end);
        works.join().unwrap();
    }
}
