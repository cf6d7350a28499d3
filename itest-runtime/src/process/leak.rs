//! A resource that a test left behind, and its description.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use rustix::net::sockopt::{socket_acceptconn, socket_type};
use rustix::net::{SocketAddrAny, SocketAddrUnix, SocketType, getpeername, getsockname};

use super::thread_origin::function_of_thread;

/// A resource of this process that did not exist before the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leak {
    /// A child process, or an orphaned descendant that became a child of this process.
    Process(String),
    /// A thread of this process.
    Thread { thread: u32, name: String },
    /// An open file, socket or pipe.
    File(String),
    /// A socket that listens, or a datagram socket without a peer.
    Listener(String),
    /// A socket that is connected to another one.
    Connection(String),
}

impl Leak {
    /// A process, described by its pid and its command line.
    pub(super) fn process(pid: u32) -> Self {
        Self::Process(format!("{pid} ({})", command_line(pid)))
    }

    /// An open file. `target` is the target of its link in `/proc/self/fd`. `None` if the file belongs to the harness.
    pub(super) fn file(file: u32, target: &str) -> Option<Self> {
        if belongs_to_harness(target) {
            return None;
        }
        Some(socket(file, target).unwrap_or_else(|| Self::File(target.to_owned())))
    }

    /// The description of the leak.
    ///
    /// A thread is described by the function that it runs, because its name may be inherited from the thread that started it.
    /// Finding the function takes milliseconds.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Process(what) => format!("process {what}"),
            Self::Thread { thread, name } => match function_of_thread(*thread) {
                Some(function) if is_name_of_process(name) => format!("thread {function}"),
                Some(function) => format!("thread {function} ({name})"),
                None => format!("thread {thread} ({name})"),
            },
            Self::File(what) => format!("open file {what}"),
            Self::Listener(what) => format!("listening port {what}"),
            Self::Connection(what) => format!("connection to {what}"),
        }
    }

    /// Whether the leak is one end of a connection.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }
}

/// Whether the name of a thread is the name of its process, which it has inherited.
fn is_name_of_process(name: &str) -> bool {
    fs::read_to_string("/proc/self/comm").is_ok_and(|comm| comm.trim_end() == name)
}

/// Whether a file belongs to the harness: the listed folder itself, the status file, the ledger, or an epoll or event descriptor
/// of tokio.
fn belongs_to_harness(target: &str) -> bool {
    target.starts_with("/proc/")
        || target.starts_with("/memfd:itest-")
        || target.starts_with("anon_inode:")
        || target.rsplit('/').next().is_some_and(|name| name.starts_with("ledger-"))
}

/// The leak of a socket, with the address that it is connected to or listens on. `None` if the file is not a socket, or if the
/// socket was never bound.
fn socket(file: u32, target: &str) -> Option<Leak> {
    let descriptor = target.starts_with("socket:").then(|| RawFd::try_from(file).ok())??;
    sockets::with(descriptor, |socket| {
        if let Ok(Some(peer)) = getpeername(socket) {
            return Some(Leak::Connection(address_in_words(peer)));
        }
        let own = getsockname(socket).ok()?;
        if socket_acceptconn(socket).unwrap_or(false) || socket_type(socket) == Ok(SocketType::DGRAM) {
            return Some(Leak::Listener(address_in_words(own)));
        }
        let is_bound = SocketAddr::try_from(own).is_ok_and(|own| own.port() != 0);
        is_bound.then(|| Leak::Connection("a peer that has closed it".to_owned()))
    })
}

/// The textual form of an address.
fn address_in_words(address: SocketAddrAny) -> String {
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return address.to_string();
    }
    let address = SocketAddrUnix::try_from(address).ok();
    let path = address.as_ref().and_then(|address| Some(address.path()?.to_string_lossy().into_owned()));
    path.or_else(|| abstract_name(&address?)).unwrap_or_else(|| "a socket without a name".to_owned())
}

/// The name of a Unix socket in the abstract namespace, in the notation of `ss` and `netstat`.
#[cfg(target_os = "linux")]
fn abstract_name(address: &SocketAddrUnix) -> Option<String> {
    let name = address.abstract_name().filter(|name| !name.is_empty())?;
    Some(format!("@{}", String::from_utf8_lossy(name)))
}

#[cfg(not(target_os = "linux"))]
fn abstract_name(_: &SocketAddrUnix) -> Option<String> {
    None
}

#[expect(unsafe_code, reason = "a descriptor that a test has leaked has no owner to borrow it from")]
mod sockets {
    use std::os::fd::{BorrowedFd, RawFd};

    pub(super) fn with<T>(descriptor: RawFd, query: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        // SAFETY: the descriptor is only used to query properties. If another thread closes it meanwhile, the query fails or
        // returns the properties of another file, so that at worst a message is wrong.
        query(unsafe { BorrowedFd::borrow_raw(descriptor) })
    }
}

/// The command line of a process, at most 80 characters of it.
pub(super) fn command_line(pid: u32) -> String {
    const MAX_CHARACTERS: usize = 80;
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    text.trim_end().chars().take(MAX_CHARACTERS).collect()
}
