//! The worker's side of the connection.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;
use tokio::sync::watch;

use super::beacon::Beacon;
use super::output::{exchange_pipes, unread_output};
use super::wire::{Message, Receiver, Start, send};
use crate::model::{AttemptReport, Capture, CaseIndex};

/// "I have read from your current output pipes."
pub(super) const NOTE_READ: u8 = b'r';
/// "End what you are doing, give everything back, and leave."
pub(super) const NOTE_CANCEL: u8 = b'c';

/// A worker's connection to its supervisor.
#[derive(Debug)]
pub(crate) struct Channel {
    control: UnixStream,
    dispatch: UnixStream,
    beacon: Rc<Beacon>,
    capture: Capture,
    notes: Arc<Notes>,
}

/// What the supervisor noted; one lock covers receiving and remembering, so that a note is seen by whoever asks next.
#[derive(Debug)]
struct Notes {
    control: UnixStream,
    read: Mutex<bool>,
    cancelled: watch::Sender<bool>,
}

impl Notes {
    /// Takes in what has arrived and returns whether the output pipes were read from since the last call that reset it.
    fn collect(&self, reset: bool) -> bool {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notes = [0_u8; 64];
        loop {
            match rustix::net::recv(&self.control, &mut notes, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => {
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
        if reset { std::mem::take(&mut *read) } else { *read }
    }

    /// Waits for notes until the supervisor is gone.
    fn listen(&self) {
        while !*self.cancelled.borrow() {
            let mut waiting = [PollFd::new(&self.control, PollFlags::IN)];
            match poll(&mut waiting, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {
                    self.collect(false);
                }
                Err(_) => return,
            }
        }
    }
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
        Self::connect(control)
    }

    /// Waits for the supervisor's first frame.
    ///
    /// # Errors
    ///
    /// When the other side is gone or does not speak the protocol.
    pub(crate) fn connect(control: UnixStream) -> io::Result<(Self, Start)> {
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
        let notes = Arc::new(Notes {
            control: control.try_clone()?,
            read: Mutex::new(false),
            cancelled: watch::Sender::new(false),
        });
        let channel = Self {
            control,
            dispatch: UnixStream::from(dispatch),
            beacon: Rc::new(Beacon::new()?),
            capture: start.config.capture,
            notes: Arc::clone(&notes),
        };
        std::thread::Builder::new().name("itest-notes".to_owned()).spawn(move || notes.listen())?;
        Ok((channel, start))
    }

    /// Tells the supervisor that the worker is there.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    pub(crate) fn ready(&self, fingerprint: u64) -> io::Result<()> {
        send(&self.control, &Message::Ready { fingerprint }, &[self.beacon.reader()?.as_fd()])
    }

    /// Claims the next case; `None` when there will be no more.
    ///
    /// # Errors
    ///
    /// When reading fails for another reason than the end.
    pub(crate) fn next_case(&self) -> io::Result<Option<CaseIndex>> {
        let mut number = [0; 4];
        match (&self.dispatch).read_exact(&mut number) {
            Ok(()) => Ok(Some(CaseIndex(u32::from_le_bytes(number)))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a report, and new output pipes if the test wrote anything.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone, or no new pipes can be had.
    pub(crate) fn finished(&self, report: AttemptReport) -> io::Result<()> {
        flush();
        if self.capture == Capture::Inherited {
            return send(&self.control, &Message::Finished { report, wrote: false }, &[]);
        }
        // In this order: a byte that is no longer in a pipe was taken after its note was sent.
        let wrote = unread_output() | self.notes.collect(true);
        if wrote {
            let readers = exchange_pipes()?;
            let message = Message::Finished { report, wrote };
            send(&self.control, &message, &[readers.stdout.as_fd(), readers.stderr.as_fd()])
        } else {
            send(&self.control, &Message::Finished { report, wrote }, &[])
        }
    }

    /// Sends the worker's last words.
    ///
    /// # Errors
    ///
    /// When the supervisor is gone.
    pub(crate) fn farewell(&self, problems: Vec<String>) -> io::Result<()> {
        flush();
        send(&self.control, &Message::Farewell { problems }, &[])
    }

    /// Becomes true when the supervisor cancels the run, or is gone.
    #[must_use]
    pub(crate) fn cancelled(&self) -> watch::Receiver<bool> {
        self.notes.cancelled.subscribe()
    }

    /// The worker's beacon.
    #[must_use]
    pub(crate) fn beacon(&self) -> &Rc<Beacon> {
        &self.beacon
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
