//! The worker's side of the connection.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;
use rustix::time::Timespec;
use tokio::sync::watch;

use super::output::{Pair, exchange_pipes};
use super::status_file::{Beacon, BeaconReader, monotonic};
use super::stop_detector::Pulse;
use super::turn::{self, TURN};
use super::unexpected_exit::kill_group;
use super::wire::{Message, Receiver, Start, append, send_frames};
use crate::model::{AttemptReport, Capture, Limits, Phase, Remark, Turn};

/// "I have read from your current output pipes."
pub(super) const NOTE_READ: u8 = b'r';
/// "End what you are doing, give everything back, and leave."
pub(super) const NOTE_CANCEL: u8 = b'c';

/// How often an orphaned worker looks at itself.
const LOOK: Duration = Duration::from_millis(20);

/// At most so many cases are claimed at a time.
const MOST_CLAIMED: usize = 16;

/// A worker's connection to its supervisor.
#[derive(Debug)]
pub(crate) struct Channel {
    control: UnixStream,
    dispatch: UnixStream,
    beacon: Rc<Beacon>,
    capture: Capture,
    /// How often the output pipes were exchanged.
    exchanges: Cell<u32>,
    notes: Arc<Notes>,
    kind: Kind,
}

/// Whether a report must be sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Another case is claimed, and its report comes soon.
    CanWait,
    /// Nobody knows when the next one comes.
    Now,
}

/// What the supervisor noted; one lock covers receiving and remembering, so that a note is seen by whoever asks next.
#[derive(Debug)]
struct Notes {
    control: UnixStream,
    read: Mutex<bool>,
    /// The ends to read from of the current output pipes, to see whether anything is in them. Without a supervisor they are
    /// let go, so that nobody waits for ever in a write that nobody reads.
    pipes: Mutex<Option<Pair>>,
    cancelled: watch::Sender<bool>,
    pulse: Pulse,
    /// The supervisor lets this process go on without it.
    is_free: AtomicBool,
}

impl Notes {
    /// Takes in what has arrived.
    fn collect(&self) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes = [0_u8; 64];
        loop {
            match rustix::net::recv(&self.control, &mut notes, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => {
                    *self.lock_pipes() = None;
                    self.cancelled.send_replace(true);
                    break;
                }
                Ok((_, count)) => {
                    *read |= notes[..count].contains(&NOTE_READ);
                    if notes[..count].contains(&NOTE_CANCEL) {
                        self.cancelled.send_replace(true);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }

    /// Whether a note has come that the output pipes were read from, and none is remembered any more.
    fn take_read(&self) -> bool {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_pipes(&self) -> MutexGuard<'_, Option<Pair>> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for notes until the supervisor is gone.
    fn listen(&self) {
        while !*self.cancelled.borrow() || self.lock_pipes().is_some() {
            let mut waiting = [PollFd::new(&self.control, PollFlags::IN)];
            match self.pulse.feel(|beat| poll(&mut waiting, Some(beat))) {
                Ok(0) => {}
                Ok(_) | Err(rustix::io::Errno::INTR) => self.collect(),
                Err(_) => return,
            }
        }
    }

    /// Without a supervisor nobody else ends a test that blocks, nor the children of this process. A worker that is a process
    /// of its own sees to that itself: it gives everything back, each step within its limit, or ends with its group.
    fn end_with_supervisor(&self, beacon: &BeaconReader) {
        self.listen();
        let orphaned = monotonic();
        while self.is_orphaned() && !self.is_free.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
            let step = beacon.position().filter(|position| position.phase == Phase::Teardown);
            let deadline = step.and_then(|step| step.deadline).unwrap_or_default().max(orphaned);
            if monotonic().saturating_sub(deadline) > Limits::GRACE {
                kill_group(std::process::id());
            }
        }
    }

    /// Whether the supervisor is gone.
    fn is_orphaned(&self) -> bool {
        let mut note = [0_u8; 1];
        matches!(rustix::net::recv(&self.control, &mut note, RecvFlags::PEEK | RecvFlags::DONTWAIT), Ok((_, 0)))
    }
}

/// What a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Process,
    Thread,
}

impl Channel {
    /// Turns this process's stdin into the control socket of a worker; stdin is `/dev/null` from now on.
    ///
    /// # Errors
    ///
    /// When stdin is not a socket that a supervisor speaks on.
    pub(crate) fn from_stdin() -> io::Result<(Self, Start)> {
        let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Self::open(control, Kind::Process)
    }

    /// Waits for the supervisor's first frame.
    ///
    /// # Errors
    ///
    /// When the other side is gone or does not speak the protocol.
    pub(crate) fn connect(control: UnixStream) -> io::Result<(Self, Start)> {
        Self::open(control, Kind::Thread)
    }

    fn open(control: UnixStream, kind: Kind) -> io::Result<(Self, Start)> {
        let mut receiver = Receiver::default();
        let start: Start = loop {
            if receiver.receive(&control)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(frame) = receiver.next_frame() {
                break frame?;
            }
        };
        let no_dispatch = || io::Error::new(io::ErrorKind::InvalidData, "no dispatch socket was passed");
        let dispatch: OwnedFd = receiver.next_descriptor().ok_or_else(no_dispatch)?;
        let pipes = receiver.next_descriptor().zip(receiver.next_descriptor());
        let notes = Arc::new(Notes {
            control: control.try_clone()?,
            read: Mutex::new(false),
            pipes: Mutex::new(pipes.map(|(stdout, stderr)| Pair { stdout, stderr })),
            cancelled: watch::Sender::new(false),
            pulse: Pulse::default(),
            is_free: AtomicBool::new(false),
        });
        let channel = Self {
            control,
            dispatch: UnixStream::from(dispatch),
            beacon: Rc::new(Beacon::new()?),
            capture: start.config.capture,
            exchanges: Cell::new(0),
            notes: Arc::clone(&notes),
            kind,
        };
        let watched = BeaconReader::new(channel.beacon.reader()?);
        std::thread::Builder::new().name("itest-notes".to_owned()).spawn(move || match kind {
            Kind::Process => notes.end_with_supervisor(&watched),
            Kind::Thread => notes.listen(),
        })?;
        Ok((channel, start))
    }

    /// Tells the supervisor that the worker is there.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    pub(crate) fn ready(&self, fingerprint: u64) -> io::Result<()> {
        self.send(&Message::Ready { fingerprint }, &[self.beacon.reader()?.as_fd()])
    }

    /// Claims the next cases, at most so many, at least one; none when there will be no more.
    ///
    /// # Errors
    ///
    /// When reading fails for another reason than the end.
    pub(crate) fn claim(&self, at_most: usize) -> io::Result<Vec<Turn>> {
        let mut bytes = [0; TURN * MOST_CLAIMED];
        let bytes = &mut bytes[..TURN * at_most.clamp(1, MOST_CLAIMED)];
        let mut length = 0;
        // The supervisor writes whole turns, but nothing says that a read ends where one of them ends.
        while length == 0 || length % TURN != 0 {
            match (&self.dispatch).read(&mut bytes[length..]) {
                Ok(0) => return Ok(Vec::new()),
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (turns, _) = bytes[..length].as_chunks();
        Ok(turns.iter().map(|bytes| turn::read(*bytes)).collect())
    }

    /// Sends a report, and new output pipes if the test wrote anything.
    ///
    /// A report that says nothing but that the test passed can wait for the next ones, if there are any: on the beacon it
    /// is safe.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone, or no new pipes can be had.
    pub(crate) fn finished(&self, report: AttemptReport, urgency: Urgency) -> io::Result<()> {
        flush();
        let wrote = self.capture == Capture::Captured && self.wrote();
        let message = Message::Finished { report, wrote };
        if urgency == Urgency::CanWait && message.is_brief() && self.beacon.hold_back(&message) {
            return Ok(());
        }
        if !wrote {
            return self.send(&message, &[]);
        }
        let readers = exchange_pipes()?;
        let sent = self.send(&message, &[readers.stdout.as_fd(), readers.stderr.as_fd()]);
        *self.notes.lock_pipes() = Some(readers);
        self.exchanges.set(self.exchanges.get().wrapping_add(1));
        sent
    }

    /// Sends a message behind everything that was held back.
    fn send(&self, message: &Message, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut frames = self.beacon.take_unsent();
        append(&mut frames, message)?;
        send_frames(&self.control, &frames, descriptors)
    }

    /// Whether anything was written to the current output pipes.
    fn wrote(&self) -> bool {
        let seen = {
            let pipes = self.notes.lock_pipes();
            let Some(pipes) = pipes.as_ref() else { return false };
            // In this order: a byte that is no longer in a pipe was taken after its note was sent.
            let mut waiting = [
                PollFd::new(&pipes.stdout, PollFlags::IN),
                PollFd::new(&pipes.stderr, PollFlags::IN),
                PollFd::new(&self.control, PollFlags::IN),
            ];
            let _ = poll(&mut waiting, Some(&Timespec::default()));
            waiting.map(|descriptor| !descriptor.revents().is_empty())
        };
        let [stdout, stderr, note] = seen;
        if note {
            self.notes.collect();
        }
        // Asked in any case: the listening thread may have taken the note in already.
        let read = self.notes.take_read();
        stdout || stderr || read
    }

    /// Says that the code under test installs its own subscriber of `tracing`, which this process has no place for any more: the case
    /// that runs is to run again in another one.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    #[cfg(feature = "tracing")]
    pub(crate) fn leave_subscriber(&self) -> io::Result<()> {
        self.send(&Message::LeaveSubscriber, &[])
    }

    /// Sends the worker's last words.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    pub(crate) fn shut_down(&self, problems: Vec<String>, remarks: Vec<Remark>) -> io::Result<()> {
        flush();
        self.send(&Message::ShutDown { problems, remarks }, &[])
    }

    /// Becomes true when the supervisor cancels the run, or is gone.
    #[must_use]
    pub(crate) fn cancelled(&self) -> watch::Receiver<bool> {
        self.notes.cancelled.subscribe()
    }

    /// How often the output pipes were exchanged for new ones, as they are after a test that wrote.
    #[must_use]
    pub(crate) fn exchanges(&self) -> u32 {
        self.exchanges.get()
    }

    /// Tells for how long the process was stopped.
    #[must_use]
    pub(crate) fn pulse(&self) -> Pulse {
        self.notes.pulse.clone()
    }

    /// Takes leave of the supervisor without ending: from now on nobody waits for this process, and nobody ends it.
    ///
    /// # Errors
    ///
    /// When the output cannot be redirected.
    pub(crate) fn set_free(&self, output: &impl AsFd) -> io::Result<()> {
        flush();
        self.notes.is_free.store(true, Ordering::Relaxed);
        rustix::stdio::dup2_stdout(output)?;
        rustix::stdio::dup2_stderr(output)?;
        self.control.shutdown(Shutdown::Both)
    }

    /// The worker's beacon.
    #[must_use]
    pub(crate) fn beacon(&self) -> &Rc<Beacon> {
        &self.beacon
    }
}

impl Channel {
    /// Ends the children that an orphaned worker's tests left in its group, and the worker with them.
    pub(crate) fn leave(&self) {
        if self.kind == Kind::Process && self.notes.is_orphaned() {
            kill_group(std::process::id());
        }
    }
}

impl Drop for Channel {
    /// The listening thread holds the socket too; only this tells both it and the supervisor that the worker is done.
    fn drop(&mut self) {
        let _ = self.control.shutdown(Shutdown::Both);
    }
}

/// Empties the buffers of Rust's stdout and of C's streams into the pipes.
fn flush() {
    let _ = io::stdout().flush();
    c_streams::flush();
}

#[expect(unsafe_code, reason = "C's buffers can only be flushed by C")]
mod c_streams {
    use std::ffi::{c_int, c_void};
    use std::ptr;

    // SAFETY: `fflush` is part of every C library, with this signature. A null stream means all open output streams, which
    // the library locks one by one; no memory of ours is involved.
    unsafe extern "C" {
        safe fn fflush(stream: *mut c_void) -> c_int;
    }

    pub(super) fn flush() {
        fflush(ptr::null_mut());
    }
}
