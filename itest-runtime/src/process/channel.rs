//! The worker's side of the connection to the supervisor.

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

use super::output::{PipeEnds, replace_pipes};
use super::status_file::{StatusFile, StatusReader, monotonic};
use super::stop_detector::StopDetector;
use super::turn::{self, TURN_BYTES};
use super::unexpected_exit::kill_group;
use super::wire::{Message, Receiver, Start, append, send_frames};
use crate::model::{AttemptReport, Capture, Limits, Phase, Remark, Turn};

/// A note of the supervisor: it has read from the current output pipes.
pub(super) const NOTE_READ: u8 = b'r';
/// A note of the supervisor: the worker must end the running case, tear everything down, and exit.
pub(super) const NOTE_CANCEL: u8 = b'c';

/// How often an orphaned worker checks whether its teardown exceeds its time limit.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The most cases that a worker claims at a time.
const MAX_CLAIMED_CASES: usize = 32;

/// A worker's connection to its supervisor.
#[derive(Debug)]
pub(crate) struct Channel {
    control: UnixStream,
    dispatch: UnixStream,
    status: Rc<StatusFile>,
    capture: Capture,
    /// How often the output pipes were replaced.
    pipe_replacements: Cell<u32>,
    notes: Arc<Notes>,
    kind: WorkerKind,
}

/// Whether a report must be sent immediately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// The report can wait, because the worker has claimed another case and its report follows soon.
    CanWait,
    /// The report must be sent now, because it is unknown when the next report follows.
    Now,
}

/// The notes that the supervisor has sent.
#[derive(Debug)]
struct Notes {
    control: UnixStream,
    /// Whether the supervisor has read from the current output pipes. The lock is held while notes are received, so that
    /// [`Self::take_read`] sees every note that has arrived.
    read: Mutex<bool>,
    /// The read ends of the current output pipes, to check whether they contain anything. They are closed when the supervisor
    /// is gone, so that a test that writes to a full pipe gets an error and does not block for ever.
    pipes: Mutex<Option<PipeEnds>>,
    cancelled: watch::Sender<bool>,
    stop_detector: StopDetector,
    /// Whether this process has detached from its supervisor, and may continue without it.
    is_detached: AtomicBool,
}

impl Notes {
    /// Receives all notes that have arrived, without blocking.
    fn receive_available(&self) {
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

    /// Returns whether the supervisor has read from the output pipes, and resets that to false.
    fn take_read(&self) -> bool {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_pipes(&self) -> MutexGuard<'_, Option<PipeEnds>> {
        self.pipes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for notes until the supervisor is gone.
    fn listen(&self) {
        while !*self.cancelled.borrow() || self.lock_pipes().is_some() {
            let mut waiting = [PollFd::new(&self.control, PollFlags::IN)];
            match self.stop_detector.wait(|timeout| poll(&mut waiting, Some(timeout))) {
                Ok(0) => {}
                Ok(_) | Err(rustix::io::Errno::INTR) => self.receive_available(),
                Err(_) => return,
            }
        }
    }

    /// Receives notes until the supervisor is gone, and then kills the process group of this worker if its teardown exceeds a
    /// time limit. No other process would end a test that blocks, or the children of this process.
    fn end_with_supervisor(&self, status: &StatusReader) {
        self.listen();
        let orphaned = monotonic();
        while self.is_orphaned() && !self.is_detached.load(Ordering::Relaxed) {
            std::thread::sleep(POLL_INTERVAL);
            let step = status.position().filter(|position| position.phase == Phase::Teardown);
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

/// Whether a worker is a process or a thread of the supervisor's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkerKind {
    Process,
    Thread,
}

impl Channel {
    /// Uses stdin of this process as the control socket of a worker, and replaces stdin with `/dev/null`. Waits for the
    /// supervisor's first frame.
    ///
    /// # Errors
    ///
    /// When stdin is not a socket that is connected to a supervisor.
    pub(crate) fn from_stdin() -> io::Result<(Self, Start)> {
        let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Self::open(control, WorkerKind::Process)
    }

    /// Uses a socket as the control socket of a worker that is a thread. Waits for the supervisor's first frame.
    ///
    /// # Errors
    ///
    /// When the other side has closed the socket or does not follow the protocol.
    pub(crate) fn connect(control: UnixStream) -> io::Result<(Self, Start)> {
        Self::open(control, WorkerKind::Thread)
    }

    fn open(control: UnixStream, kind: WorkerKind) -> io::Result<(Self, Start)> {
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
            pipes: Mutex::new(pipes.map(|(stdout, stderr)| PipeEnds { stdout, stderr })),
            cancelled: watch::Sender::new(false),
            stop_detector: StopDetector::default(),
            is_detached: AtomicBool::new(false),
        });
        let channel = Self {
            control,
            dispatch: UnixStream::from(dispatch),
            status: Rc::new(StatusFile::new()?),
            capture: start.config.capture,
            pipe_replacements: Cell::new(0),
            notes: Arc::clone(&notes),
            kind,
        };
        let status = StatusReader::new(channel.status.reader()?);
        std::thread::Builder::new().name("itest-notes".to_owned()).spawn(move || match kind {
            WorkerKind::Process => notes.end_with_supervisor(&status),
            WorkerKind::Thread => notes.listen(),
        })?;
        Ok((channel, start))
    }

    /// Tells the supervisor that the worker is ready, and sends it the status file.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    pub(crate) fn ready(&self, fingerprint: u64) -> io::Result<()> {
        self.send(&Message::Ready { fingerprint }, &[self.status.reader()?.as_fd()])
    }

    /// Waits for at least one case and claims up to `at_most` cases. Returns no cases when the supervisor has closed the
    /// dispatch socket.
    ///
    /// # Errors
    ///
    /// When the socket cannot be read.
    pub(crate) fn claim(&self, at_most: usize) -> io::Result<Vec<Turn>> {
        let mut bytes = [0; TURN_BYTES * MAX_CLAIMED_CASES];
        let bytes = &mut bytes[..TURN_BYTES * at_most.clamp(1, MAX_CLAIMED_CASES)];
        let mut length = 0;
        // The supervisor writes complete turns, but one read may end in the middle of a turn.
        while length == 0 || length % TURN_BYTES != 0 {
            match (&self.dispatch).read(&mut bytes[length..]) {
                Ok(0) => return Ok(Vec::new()),
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let (turns, _) = bytes[..length].as_chunks();
        Ok(turns.iter().map(|bytes| turn::decode(*bytes)).collect())
    }

    /// Sends the report of an attempt. If the test wrote anything, this also replaces the output pipes.
    ///
    /// A short report (the test passed and wrote nothing) may be buffered, if more reports follow. It is not lost when the
    /// worker crashes, because the status file contains it.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone, or new pipes cannot be created.
    pub(crate) fn finished(&self, report: AttemptReport, urgency: Urgency) -> io::Result<()> {
        flush();
        let wrote = self.capture == Capture::Captured && self.has_output();
        let message = Message::Finished { report, wrote };
        if urgency == Urgency::CanWait && message.is_brief() && self.status.buffer(&message) {
            return Ok(());
        }
        if !wrote {
            return self.send(&message, &[]);
        }
        let readers = replace_pipes()?;
        let sent = self.send(&message, &[readers.stdout.as_fd(), readers.stderr.as_fd()]);
        *self.notes.lock_pipes() = Some(readers);
        self.pipe_replacements.set(self.pipe_replacements.get().wrapping_add(1));
        sent
    }

    /// Sends all buffered reports and then a message.
    fn send(&self, message: &Message, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut frames = self.status.take_unsent();
        append(&mut frames, message)?;
        send_frames(&self.control, &frames, descriptors)
    }

    /// Whether anything was written to the current output pipes.
    fn has_output(&self) -> bool {
        let ready = {
            let pipes = self.notes.lock_pipes();
            let Some(pipes) = pipes.as_ref() else { return false };
            // The control socket is polled last: the supervisor sends its note before it reads from a pipe. If a pipe is
            // already empty, the note has therefore arrived.
            let mut waiting = [
                PollFd::new(&pipes.stdout, PollFlags::IN),
                PollFd::new(&pipes.stderr, PollFlags::IN),
                PollFd::new(&self.control, PollFlags::IN),
            ];
            let _ = poll(&mut waiting, Some(&Timespec::default()));
            waiting.map(|descriptor| !descriptor.revents().is_empty())
        };
        let [stdout, stderr, note] = ready;
        if note {
            self.notes.receive_available();
        }
        // This is checked even without a new note, because the listening thread may already have received it.
        let read = self.notes.take_read();
        stdout || stderr || read
    }

    /// Reports that the code under test installs its own `tracing` subscriber, which fails because itest has installed one in
    /// this process. The supervisor then runs the case again, in a worker without itest's subscriber.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    #[cfg(feature = "tracing")]
    pub(crate) fn leave_subscriber(&self) -> io::Result<()> {
        self.send(&Message::LeaveSubscriber, &[])
    }

    /// Sends the worker's last message: its own fixtures are torn down, and it exits.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    pub(crate) fn shut_down(&self, problems: Vec<String>, remarks: Vec<Remark>) -> io::Result<()> {
        flush();
        self.send(&Message::ShutDown { problems, remarks }, &[])
    }

    /// A flag that becomes true when the supervisor cancels the run, or is gone.
    #[must_use]
    pub(crate) fn cancelled(&self) -> watch::Receiver<bool> {
        self.notes.cancelled.subscribe()
    }

    /// How often the output pipes were replaced by new ones. They are replaced after each test that wrote something.
    #[must_use]
    pub(crate) fn pipe_replacements(&self) -> u32 {
        self.pipe_replacements.get()
    }

    /// The detector that knows for how long this process was stopped.
    #[must_use]
    pub(crate) fn stop_detector(&self) -> StopDetector {
        self.notes.stop_detector.clone()
    }

    /// Detaches this process from the supervisor: the supervisor no longer waits for this process and does not end it. The
    /// output goes to `output` from now on.
    ///
    /// # Errors
    ///
    /// When the output cannot be redirected.
    pub(crate) fn detach(&self, output: &impl AsFd) -> io::Result<()> {
        flush();
        self.notes.is_detached.store(true, Ordering::Relaxed);
        rustix::stdio::dup2_stdout(output)?;
        rustix::stdio::dup2_stderr(output)?;
        self.control.shutdown(Shutdown::Both)
    }

    /// The worker's status file.
    #[must_use]
    pub(crate) fn status_file(&self) -> &Rc<StatusFile> {
        &self.status
    }

    /// If the supervisor is gone, kills this worker and the children that its tests left in its process group. No other
    /// process would end these children.
    pub(crate) fn kill_group_if_orphaned(&self) {
        if self.kind == WorkerKind::Process && self.notes.is_orphaned() {
            kill_group(std::process::id());
        }
    }
}

impl Drop for Channel {
    /// Shuts the socket down. Dropping it would not be enough: the listening thread has a copy of it, and both that thread and
    /// the supervisor would not notice that the worker is done.
    fn drop(&mut self) {
        let _ = self.control.shutdown(Shutdown::Both);
    }
}

/// Writes the buffers of Rust's stdout and of C's streams to the pipes.
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
