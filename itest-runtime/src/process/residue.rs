//! What a process has that a test may leave behind: children, threads, open files, listening ports.
//!
//! After each test only counts are compared, which costs a few system calls; what it is that there is more of is found out when
//! there is more.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::process::{Child, Command};

use super::identity::number;

/// Threads of tokio's runtime come and go as it likes.
const RUNTIME_THREAD: &str = "itest-runtime";

/// Children that are the harness's own, while they run: where tests run in the same process, they are nobody's leak.
static OWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A child process of the harness; it counts as one until this is dropped.
#[derive(Debug)]
pub(crate) struct OwnChild(u32);

impl OwnChild {
    /// Starts one. Nobody looks meanwhile, so that it is never taken for a test's.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        let mut own = own();
        let child = command.spawn()?;
        let id = child.id().unwrap_or_default();
        own.insert(id);
        Ok((child, Self(id)))
    }
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        own().remove(&self.0);
    }
}

fn own() -> MutexGuard<'static, BTreeSet<u32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What this process had when somebody looked.
#[derive(Debug)]
pub(crate) struct Residue {
    /// Open, so that looking is one system call.
    threads_folder: Option<File>,
    files_folder: Option<File>,
    counts: Counts,
    /// Those that were there at the very beginning, or are the harness's.
    own_children: BTreeSet<u32>,
    children: BTreeSet<u32>,
    threads: BTreeSet<u32>,
    files: BTreeSet<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    threads: u64,
    files: u64,
}

/// Something that is there and was not there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leak {
    /// A child process, or a process that lost its parent and fell to this one.
    Process(String),
    /// A thread.
    Thread(String),
    /// An open file, socket or pipe.
    File(String),
    /// A socket on which somebody listens.
    Port(String),
}

impl Leak {
    /// What it is, in words.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Process(what) => format!("process {what}"),
            Self::Thread(what) => format!("thread {what}"),
            Self::File(what) => format!("open file {what}"),
            Self::Port(what) => format!("listening port {what}"),
        }
    }
}

impl Residue {
    /// Looks at this process; from now on, processes that lose their parents fall to it.
    #[must_use]
    pub(crate) fn look() -> Self {
        adopt_orphans();
        let mut residue = Self {
            threads_folder: File::open("/proc/self/task").ok(),
            files_folder: File::open("/proc/self/fd").ok(),
            counts: Counts { threads: 0, files: 0 },
            own_children: children(),
            children: BTreeSet::new(),
            threads: BTreeSet::new(),
            files: BTreeSet::new(),
        };
        residue.look_again();
        residue
    }

    /// From now on, what is there now is what was there before.
    pub(crate) fn look_again(&mut self) {
        self.counts.threads = self.count_threads();
        self.children = children();
        self.threads = numbers("/proc/self/task").map(|(thread, _)| thread).collect();
        self.look_at_files_again();
    }

    /// The same for open files alone.
    pub(crate) fn look_at_files_again(&mut self) {
        self.counts.files = self.count_files();
        self.files = numbers_of_files();
    }

    /// The same, if there are more of them.
    pub(crate) fn allow_files(&mut self) {
        if self.count_files() > self.counts.files {
            self.look_at_files_again();
        }
    }

    /// This process is no leak, and neither are so many more files.
    pub(crate) fn know(&mut self, process: Option<u32>, files: u64) {
        self.children.extend(process);
        self.own_children.extend(process);
        self.counts.files += files;
    }

    /// Whether nothing was added by something that took so long, as far as counts tell.
    #[must_use]
    pub(crate) fn is_unchanged(&mut self, elapsed: Duration) -> bool {
        // Whoever was quicker than this has started neither a thread nor a process.
        const TOO_SHORT: Duration = Duration::from_micros(5);
        match self.count_files().cmp(&self.counts.files) {
            Ordering::Greater => return false,
            // The number of a file that was closed is given to the next one.
            Ordering::Less => self.look_at_files_again(),
            Ordering::Equal => {}
        }
        elapsed < TOO_SHORT || (self.count_threads() <= self.counts.threads && !self.has_new_children())
    }

    /// Zombies are no longer anything: those that the test left are cleared away.
    fn has_new_children(&self) -> bool {
        let mut living = false;
        for child in listed_children().difference(&self.children) {
            let ended = number(*child).is_some_and(|child| {
                matches!(waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOHANG), Ok(Some(_)))
            });
            living |= !ended;
        }
        living
    }

    /// The processes and threads that were added.
    #[must_use]
    pub(crate) fn processes_and_threads(&self) -> Vec<Leak> {
        let mut leaks = Vec::new();
        for child in children().difference(&self.children) {
            leaks.push(Leak::Process(format!("{child} ({})", command_line(*child))));
        }
        for (thread, path) in numbers("/proc/self/task").filter(|(thread, _)| !self.threads.contains(thread)) {
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            if name.trim_end() != RUNTIME_THREAD {
                leaks.push(Leak::Thread(format!("{thread} ({})", name.trim_end())));
            }
        }
        leaks
    }

    /// The files that were added, but for these descriptors, which are the harness's own.
    #[must_use]
    pub(crate) fn open_files(&self, own: &[RawFd]) -> Vec<Leak> {
        let mut leaks = Vec::new();
        // Looked up for the first socket: the kernel goes through all ports for it.
        let mut ports = None;
        let new = files_by_number().filter(|(file, _)| !self.files.contains(file));
        let new = new.filter(|(file, _)| !own.iter().any(|own| u32::try_from(*own) == Ok(*file)));
        for target in new.filter_map(|(_, path)| Some(fs::read_link(path).ok()?.display().to_string())) {
            if is_of_harness(&target) {
                continue;
            }
            let port = socket_number(&target).and_then(|number| ports.get_or_insert_with(listening).remove(&number));
            leaks.push(port.map_or(Leak::File(target), Leak::Port));
        }
        leaks
    }

    /// Whether a thread that was added is doing something: on a busy machine it may be about to end.
    #[must_use]
    pub(crate) fn has_busy_threads(&self) -> bool {
        let mut added = numbers("/proc/self/task").filter(|(thread, _)| !self.threads.contains(thread));
        added.any(|(_, path)| {
            let told = fs::read_to_string(path.join("stat")).unwrap_or_default();
            // Behind the name, which may hold anything: running, or waiting for a disk.
            told.rsplit(") ").next().is_some_and(|state| state.starts_with(['R', 'D']))
        })
    }

    /// Kills all processes that were left behind since the first look, and waits for them.
    pub(crate) fn kill_children(&self) {
        kill_children_but(&self.own_children);
    }

    fn count_threads(&self) -> u64 {
        look_at(self.threads_folder.as_ref()).map_or(0, |found| links(&found))
    }

    fn count_files(&self) -> u64 {
        // Linux tells the number of open files as the folder's size since 6.2; before, they are counted.
        let told = look_at(self.files_folder.as_ref()).and_then(|found| u64::try_from(found.st_size).ok());
        told.filter(|files| *files > 0).unwrap_or_else(|| files_by_number().count() as u64)
    }
}

fn look_at(folder: Option<&File>) -> Option<rustix::fs::Stat> {
    folder.and_then(|folder| rustix::fs::fstat(folder).ok())
}

#[expect(clippy::allow_attributes, reason = "the lint fires on some systems only")]
#[allow(clippy::useless_conversion, reason = "the type differs between systems")]
fn links(found: &rustix::fs::Stat) -> u64 {
    found.st_nlink.into()
}

/// The living children of this process.
fn children() -> BTreeSet<u32> {
    let mut found = listed_children();
    found.retain(|child| super::identity::identify(*child).is_some());
    found
}

/// Its children, also those that have ended and were not waited for, but for the harness's own.
fn listed_children() -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    // Most processes have none, and are told so by one system call.
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if matches!(waitid(WaitId::All, look), Err(rustix::io::Errno::CHILD)) {
        return found;
    }
    let own = own();
    for (thread, _) in numbers("/proc/self/task") {
        let listed = fs::read_to_string(format!("/proc/self/task/{thread}/children")).unwrap_or_default();
        let listed = listed.split_whitespace().filter_map(|child| child.parse::<u32>().ok());
        found.extend(listed.filter(|child| !own.contains(child)));
    }
    found
}

/// The numbers of the open files, without that of the folder which is open while it is listed: the next file has it again.
fn numbers_of_files() -> BTreeSet<u32> {
    let next = File::open("/dev/null").ok().and_then(|file| u32::try_from(file.as_raw_fd()).ok());
    files_by_number().map(|(file, _)| file).filter(|file| Some(*file) != next).collect()
}

fn files_by_number() -> impl Iterator<Item = (u32, PathBuf)> {
    numbers("/proc/self/fd")
}

fn numbers(folder: &str) -> impl Iterator<Item = (u32, PathBuf)> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))
    })
}

/// The folder that is being listed is open while it is; the ledger is the harness's, and what the runtime waits with.
fn is_of_harness(target: &str) -> bool {
    target.starts_with("/proc/")
        || target.starts_with("/memfd:itest-")
        || target.starts_with("anon_inode:")
        || target.rsplit('/').next().is_some_and(|name| name.starts_with("ledger-"))
}

fn socket_number(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// Listening sockets and where they listen.
fn listening() -> BTreeMap<u64, String> {
    const LISTENING: &str = "0A";
    let mut found = BTreeMap::new();
    for (table, host) in [("/proc/self/net/tcp", "tcp"), ("/proc/self/net/tcp6", "tcp6")] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let [_, local, _, LISTENING, ..] = fields.as_slice() else { continue };
            let port = local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
            if let (Some(port), Some(number)) = (port, fields.get(9).and_then(|number| number.parse().ok())) {
                found.insert(number, format!("{port} ({host})"));
            }
        }
    }
    found
}

fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    text.trim_end().chars().take(80).collect()
}

/// From now on, processes that lose their parents fall to this one: a daemon would fall to the system's first process, and
/// nobody would see it.
pub(crate) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Kills everything that this process, or what it started, has left, and waits for it.
pub(crate) fn kill_all_children() {
    kill_children_but(&BTreeSet::new());
}

/// As long as children fall to this process whose parents were killed, there is another round.
fn kill_children_but(spared: &BTreeSet<u32>) {
    for _ in 0..50 {
        let left: Vec<u32> = children().difference(spared).copied().collect();
        if left.is_empty() {
            return;
        }
        for pid in left.into_iter().filter_map(number) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            wait_for(pid);
        }
    }
}

fn wait_for(pid: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED) {}
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::Command;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_child_of_the_harness_is_no_leak() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut child, own) = OwnChild::spawn(tokio::process::Command::new("sleep").arg("60")).unwrap();
            let id = child.id().unwrap();
            assert!(!children().contains(&id));
            drop(own);
            assert!(children().contains(&id));
            child.kill().await.unwrap();
        });
    }

    /// Other tests run in this process: only what this one leaves is looked for.
    #[test]
    fn what_was_left_is_named() {
        let residue = Residue::look();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let (end, ended) = mpsc::channel::<()>();
        let (begin, started) = mpsc::channel::<()>();
        let left = move || (begin.send(()), ended.recv());
        let thread = std::thread::Builder::new().name("left".to_owned()).spawn(left).unwrap();
        started.recv().unwrap();
        while command_line(child.id()).is_empty() {
            std::thread::yield_now();
        }
        let leaks = residue.processes_and_threads().into_iter().chain(residue.open_files(&[]));
        let words: Vec<_> = leaks.map(|leak| leak.in_words()).collect();
        let told = |part: &str| words.iter().any(|word| word.contains(part));
        assert!(told(&format!("process {} (sleep 60)", child.id())), "{words:?}");
        assert!(told(&format!("listening port {port} (tcp)")), "{words:?}");
        assert!(told("(left)"), "{words:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        drop((end, listener));
        let _ = thread.join();
    }

    #[test]
    fn a_thread_that_works_is_busy() {
        let residue = Residue::look();
        let (end, ended) = mpsc::channel::<()>();
        let works = std::thread::spawn(move || while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {});
        assert!(residue.has_busy_threads());
        drop(end);
        works.join().unwrap();
    }
}
