//! Detects resources that a test left behind in its process: child processes, threads, open files and sockets.
//!
//! After each test only the counts are compared, which costs a few system calls. The details are read only if a count has grown.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Dir, DirEntry};
use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::children::{adopt_orphans, children, entries_by_number, kill_children_except, listed_children};
use super::identity::to_pid;
use super::leak::Leak;
use crate::inject::is_own_thread;
use crate::model::{map_of, set_of};

/// The names of threads that a library starts once and that live as long as the process, in the 15 bytes that Linux has for a name. The test
/// that happens to need the library first can do nothing about them.
const THREADS_OF_LIBRARIES: [&str; 2] = ["async-compat/to", "async-io"];

/// The resources that are not leaks of the next test: those that existed after the last test, and those that worker fixtures
/// have opened since.
#[derive(Debug)]
pub(crate) struct ResourceBaseline {
    /// This folder is kept open, so that counting the threads is one system call.
    threads_folder: Option<File>,
    /// This folder is kept open, so that counting the files is one system call.
    files_folder: Option<File>,
    /// The children that existed at the first capture, and the children of the harness.
    own_children: BTreeSet<u32>,
    known: KnownResources,
    /// The number of files that the harness has opened since the last reset.
    own_files: usize,
}

/// The numbers of resources that are no leaks.
#[derive(Debug)]
struct KnownResources {
    children: BTreeSet<u32>,
    threads: BTreeSet<u32>,
    files: BTreeSet<u32>,
}

impl KnownResources {
    fn current() -> Self {
        Self { children: children(), threads: numbers_of_threads(), files: numbers_of_files() }
    }
}

/// The resources of this process at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    children: BTreeSet<u32>,
    threads: BTreeSet<u32>,
    /// The open files by number, each with what it refers to, because the system gives the number of a closed file to the next one.
    files: BTreeMap<u32, PathBuf>,
}

impl Snapshot {
    /// Lists the current resources of this process.
    #[must_use]
    pub(crate) fn take() -> Self {
        let files = numbers_of_files().into_iter().filter_map(|file| Some((file, target_of_file(file)?)));
        Self { children: children(), threads: numbers_of_threads(), files: map_of(files) }
    }
}

impl ResourceBaseline {
    /// Captures the current resources as the baseline. Also makes this process the parent of its orphaned descendants.
    #[must_use]
    pub(crate) fn capture() -> Self {
        adopt_orphans();
        let threads_folder = File::open("/proc/self/task").ok();
        let files_folder = File::open("/proc/self/fd").ok();
        let own_children = children();
        Self { threads_folder, files_folder, own_children, known: KnownResources::current(), own_files: 0 }
    }

    /// Captures the current resources as the new baseline. It is called after the leaks of a test were reported.
    pub(crate) fn reset_baseline(&mut self) {
        self.known = KnownResources::current();
        self.own_files = 0;
    }

    /// Captures the open files as the new baseline, and leaves the other resources unchanged.
    pub(crate) fn reset_baseline_of_files(&mut self) {
        self.known.files = numbers_of_files();
        self.own_files = 0;
    }

    /// Adds the resources that were opened since `before` to the baseline, because a worker fixture has opened them.
    pub(crate) fn add_since(&mut self, before: &Snapshot) {
        let now = Snapshot::take();
        self.known.children.extend(now.children.difference(&before.children));
        self.known.threads.extend(now.threads.difference(&before.threads));
        let is_new = |(file, target): &(&u32, &PathBuf)| before.files.get(*file) != Some(*target);
        self.known.files.extend(now.files.iter().filter(is_new).map(|(file, _)| *file));
    }

    /// Adds a process and a number of files of the harness to the baseline.
    pub(crate) fn exclude(&mut self, process: Option<u32>, files: usize) {
        self.known.children.extend(process);
        self.own_children.extend(process);
        self.own_files += files;
    }

    /// Compares the counts of resources with the baseline. Returns whether a test that took `elapsed` has left no file, no thread
    /// and no process.
    ///
    /// If files of the baseline were closed, the open files are captured again.
    #[must_use]
    pub(crate) fn is_unchanged(&mut self, elapsed: Duration) -> bool {
        // A shorter test cannot have started a thread or a process, so that these need not be counted.
        const MIN_START_TIME: Duration = Duration::from_micros(5);
        match self.count_files().cmp(&(self.known.files.len() + self.own_files)) {
            Ordering::Greater => return false,
            // The system gives the number of a closed file to the next file, which would then look like a known one.
            Ordering::Less => self.reset_baseline_of_files(),
            Ordering::Equal => {}
        }
        elapsed < MIN_START_TIME
            || (self.count_threads() <= self.known.threads.len() && !self.reap_and_find_new_children())
    }

    /// Returns whether there are new children that run. Reaps those that have ended, because a zombie is not a leak.
    fn reap_and_find_new_children(&self) -> bool {
        let mut has_running = false;
        for child in listed_children().difference(&self.known.children) {
            let is_reaped = to_pid(*child).is_some_and(|child| {
                matches!(waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(Some(_)))
            });
            has_running |= !is_reaped;
        }
        has_running
    }

    /// The processes, threads and files that are not in the baseline, except the descriptors `own` of the harness.
    #[must_use]
    pub(crate) fn added(&self, own: &[RawFd]) -> Vec<Leak> {
        let mut leaks: Vec<_> =
            children().difference(&self.known.children).map(|child| Leak::process(*child)).collect();
        leaks.extend(self.added_threads().map(|(thread, path)| Leak::Thread { thread, name: name_of(&path) }));
        let new = numbers_of_files().into_iter().filter(|file| !self.known.files.contains(file));
        let new = new.filter(|file| !own.iter().any(|own| u32::try_from(*own) == Ok(*file)));
        leaks.extend(new.filter_map(|file| Leak::file(file, &target_of_file(file)?.display().to_string())));
        leaks
    }

    /// Whether a new thread is running. Such a thread may be about to end, for example on a busy machine.
    #[must_use]
    pub(crate) fn has_busy_threads(&self) -> bool {
        self.added_threads().any(|(_, path)| {
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            // The state follows the name, which may contain anything. R means running, D means waiting for a disk.
            stat.rsplit(") ").next().is_some_and(|state| state.starts_with(['R', 'D']))
        })
    }

    fn added_threads(&self) -> impl Iterator<Item = (u32, PathBuf)> {
        entries_by_number("/proc/self/task")
            .filter(|(thread, _)| !self.known.threads.contains(thread) && !is_own_thread(*thread))
            .filter(|(_, path)| !THREADS_OF_LIBRARIES.contains(&name_of(path).as_str()))
    }

    /// Kills all child processes that were left behind since the first capture, and waits for them.
    pub(crate) fn kill_children(&self) {
        kill_children_except(&self.own_children);
    }

    fn count_threads(&self) -> usize {
        let links = stat_of(self.threads_folder.as_ref()).map_or(0, |stat| links(&stat));
        // The folder has one link for each thread, and two more links of its own.
        usize::try_from(links.saturating_sub(2)).unwrap_or(usize::MAX)
    }

    fn count_files(&self) -> usize {
        // Since Linux 6.2, the size of the folder is the number of open files. Before that, the files must be counted.
        let size = stat_of(self.files_folder.as_ref()).and_then(|stat| usize::try_from(stat.st_size).ok());
        size.filter(|files| *files > 0).unwrap_or_else(|| numbers_of_files().len())
    }
}

/// The name of the thread with this folder in `/proc`.
fn name_of(thread: &Path) -> String {
    fs::read_to_string(thread.join("comm")).unwrap_or_default().trim_end().to_owned()
}

fn stat_of(folder: Option<&File>) -> Option<rustix::fs::Stat> {
    folder.and_then(|folder| rustix::fs::fstat(folder).ok())
}

#[expect(clippy::allow_attributes, reason = "the lint fires on some systems only")]
#[allow(clippy::useless_conversion, reason = "the type differs between systems")]
fn links(stat: &rustix::fs::Stat) -> u64 {
    stat.st_nlink.into()
}

fn numbers_of_threads() -> BTreeSet<u32> {
    set_of(entries_by_number("/proc/self/task").map(|(thread, _)| thread))
}

/// The numbers of the open files, without the folder with which they are listed. Other threads open and close files meanwhile, so its number
/// cannot be guessed.
fn numbers_of_files() -> BTreeSet<u32> {
    let Ok(folder) = File::open("/proc/self/fd") else { return BTreeSet::new() };
    let own = u32::try_from(folder.as_raw_fd()).ok();
    let number = |entry: DirEntry| entry.file_name().to_str().ok()?.parse().ok();
    let numbers = Dir::new(folder).into_iter().flatten().filter_map(|entry| number(entry.ok()?));
    set_of(numbers.filter(|file| Some(*file) != own))
}

/// What an open file refers to: a path, or the number of a socket or a pipe. None if the file was closed meanwhile.
fn target_of_file(file: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{file}")).ok()
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

    /// Duplicates a file to a high number. Other tests run in this process, and a number that one of them has closed could
    /// otherwise be reused for the file.
    fn with_high_number(file: impl AsFd) -> OwnedFd {
        fcntl_dupfd_cloexec(&file, 600).unwrap()
    }

    fn descriptions(baseline: &ResourceBaseline) -> Vec<String> {
        baseline.added(&[]).iter().map(Leak::in_words).collect()
    }

    #[test]
    fn leftover_processes_threads_and_sockets_are_reported() {
        let baseline = ResourceBaseline::capture();
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
        // The child needs a moment until it executes `sleep`.
        let mut missing = Vec::new();
        for _ in 0..1_000 {
            let descriptions = descriptions(&baseline);
            missing = expected.iter().filter(|part| !descriptions.iter().any(|word| word.contains(*part))).collect();
            if missing.is_empty() {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        drop(end);
        let _ = thread.join();
        assert!(missing.is_empty(), "not reported: {missing:?}, but {:?}", descriptions(&baseline));
    }

    #[test]
    fn thread_of_a_library_for_the_whole_process_is_not_a_leak() {
        let baseline = ResourceBaseline::capture();
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("async-compat/tokio-1".to_owned());
        let thread = thread.spawn(move || ended.recv()).unwrap();
        let id = || {
            let mut threads = entries_by_number("/proc/self/task");
            threads.find(|(_, path)| name_of(path) == "async-compat/to").map(|(thread, _)| thread)
        };
        while id().is_none() {
            std::thread::yield_now();
        }
        assert!(!baseline.known.threads.contains(&id().unwrap()));
        assert!(!descriptions(&baseline).iter().any(|leak| leak.contains("async-compat")));
        drop(end);
        let _ = thread.join();
    }

    #[test]
    fn file_of_a_worker_fixture_is_not_a_leak() {
        let mut baseline = ResourceBaseline::capture();
        let _of_test = with_high_number(File::open("/dev/zero").unwrap());
        let before = Snapshot::take();
        let _of_fixture = with_high_number(File::open("/dev/full").unwrap());
        baseline.add_since(&before);
        let descriptions = descriptions(&baseline);
        assert!(descriptions.contains(&"open file /dev/zero".to_owned()), "{descriptions:?}");
        assert!(!descriptions.contains(&"open file /dev/full".to_owned()), "{descriptions:?}");
    }

    /// A thread of the fixture, or of another one, may have had the number before.
    #[test]
    fn file_of_a_worker_fixture_with_the_number_of_a_closed_one_is_not_a_leak() {
        const NUMBER: i32 = 900;
        let mut baseline = ResourceBaseline::capture();
        let closed = fcntl_dupfd_cloexec(File::open("/dev/zero").unwrap(), NUMBER).unwrap();
        let before = Snapshot::take();
        drop(closed);
        let of_fixture = fcntl_dupfd_cloexec(File::open("/dev/random").unwrap(), NUMBER).unwrap();
        assert_eq!(of_fixture.as_raw_fd(), NUMBER);
        baseline.add_since(&before);
        let descriptions = descriptions(&baseline);
        assert!(!descriptions.contains(&"open file /dev/random".to_owned()), "{descriptions:?}");
    }

    #[test]
    fn running_thread_is_busy() {
        let baseline = ResourceBaseline::capture();
        let (end, ended) = mpsc::channel::<()>();
        let works = std::thread::spawn(move || while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {});
        assert!(baseline.has_busy_threads());
        drop(end);
        works.join().unwrap();
    }
}
