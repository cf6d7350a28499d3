//! Something that a test left, in words.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use rustix::net::sockopt::{socket_acceptconn, socket_type};
use rustix::net::{SocketAddrAny, SocketAddrUnix, SocketType, getpeername, getsockname};

use super::thread_origin::function_of_thread;

/// Something that is there and was not there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leak {
    /// A child process, or a process that lost its parent and fell to this one.
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
    /// A process that runs.
    pub(super) fn process(pid: u32) -> Self {
        Self::Process(format!("{pid} ({})", command_line(pid)))
    }

    /// An open file, and what the system says that it is; none if it is the harness's.
    pub(super) fn file(file: u32, target: &str) -> Option<Self> {
        if is_of_harness(target) {
            return None;
        }
        Some(socket(file, target).unwrap_or_else(|| Self::File(target.to_owned())))
    }

    /// What it is, in words.
    ///
    /// A thread without a name inherits that of the thread which started it, so that its function says more. Finding the function takes
    /// milliseconds.
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

    /// Whether it is one end of a connection.
    pub(crate) fn is_connection(&self) -> bool {
        matches!(self, Self::Connection(_))
    }
}

/// Whether a thread bears the name of its process, because nothing gave it one of its own.
fn is_name_of_process(name: &str) -> bool {
    fs::read_to_string("/proc/self/comm").is_ok_and(|comm| comm.trim_end() == name)
}

/// Files of the harness: the listed folder itself, the beacon, the ledger, and the epoll and event descriptors of tokio.
fn is_of_harness(target: &str) -> bool {
    target.starts_with("/proc/")
        || target.starts_with("/memfd:itest-")
        || target.starts_with("anon_inode:")
        || target.rsplit('/').next().is_some_and(|name| name.starts_with("ledger-"))
}

/// What a socket is connected to, or listens on; none for what is no socket, or was never bound.
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

/// An address as people write it.
fn address_in_words(address: SocketAddrAny) -> String {
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return address.to_string();
    }
    let address = SocketAddrUnix::try_from(address).ok();
    let path = address.as_ref().and_then(|address| Some(address.path()?.to_string_lossy().into_owned()));
    path.or_else(|| abstract_name(&address?)).unwrap_or_else(|| "a socket without a name".to_owned())
}

/// The name of a socket that is in no folder, as `ss` and `netstat` write it.
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

    pub(super) fn with<T>(descriptor: RawFd, look: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        // SAFETY: the descriptor is only asked what it is. If a thread closes it meanwhile, the question fails, or is about
        // another file, which costs the accuracy of a message.
        look(unsafe { BorrowedFd::borrow_raw(descriptor) })
    }
}

/// What a process was started as, cut where it is long.
pub(super) fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    text.trim_end().chars().take(80).collect()
}
