//! The supervisor's side of the connection to one worker.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};

use rustix::net::{RecvFlags, SendFlags};
use tokio::io::Interest;
use tokio::net::UnixStream as Control;
use tokio::sync::mpsc;

use super::channel::{NOTE_CANCEL, NOTE_READ};
use super::output::{Capture, PipeEnds};
use super::status_file::{Position, StatusReader};
use super::turn::{self, TURN_BYTES};
use super::wire::{Message, Receiver};
use crate::inject::spawn;
use crate::model::{AttemptReport, Output, PanicRecord, Remark, Turn, WorkerId};

/// An event from a worker, as the supervisor receives it.
#[derive(Debug)]
pub(crate) enum FromWorker {
    /// The worker is ready.
    Ready {
        /// The fingerprint of the worker's registry.
        fingerprint: u64,
    },
    /// An attempt has ended.
    Finished {
        /// The result.
        report: AttemptReport,
        /// The output of the test.
        output: Output,
    },
    /// The running case installs its own `tracing` subscriber. It must run again in a worker without itest's subscriber.
    LeaveSubscriber,
    /// The worker has torn down its own fixtures and exits.
    ShutDown {
        /// The errors of that teardown.
        problems: Vec<String>,
        /// Remarks of the worker's fixtures about tests.
        remarks: Vec<Remark>,
    },
    /// The worker sent a message that cannot be decoded.
    Broken,
    /// The worker's socket is closed, so that no more messages arrive.
    Gone {
        /// The output of the last test.
        output: Output,
    },
}

/// The supervisor's connection to a worker.
#[derive(Debug)]
pub(crate) struct Link {
    control: Arc<Control>,
    /// `None` after [`Self::close`], when no more cases are sent.
    dispatch: Option<UnixStream>,
    /// The worker's end of the dispatch socket. The cases that the worker has not claimed can be read back from it.
    unclaimed: UnixStream,
    status: Arc<OnceLock<StatusReader>>,
}

impl Link {
    /// Starts receiving. Each message is forwarded to `messages`, with the number of the worker.
    pub(super) fn start(
        worker: WorkerId,
        control: UnixStream,
        dispatch: UnixStream,
        unclaimed: UnixStream,
        output: Option<PipeEnds>,
        messages: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
    ) -> io::Result<Self> {
        control.set_nonblocking(true)?;
        let control = Arc::new(Control::from_std(control)?);
        let status = Arc::default();
        let capture = output.map(|pair| capture(pair, &control)).transpose()?;
        let receiver =
            MessageReceiver { worker, control: Arc::clone(&control), status: Arc::clone(&status), capture, messages };
        spawn(receiver.run());
        Ok(Self { control, dispatch: Some(dispatch), unclaimed, status })
    }

    /// Sends cases, in the order in which they should run.
    ///
    /// # Errors
    ///
    /// When the worker is gone, or after [`Self::close`].
    pub(crate) fn dispatch(&mut self, turns: impl IntoIterator<Item = Turn>) -> io::Result<()> {
        let bytes: Vec<u8> = turns.into_iter().flat_map(turn::encode).collect();
        self.dispatch.as_mut().ok_or(io::ErrorKind::NotConnected)?.write_all(&bytes)
    }

    /// Takes back the cases that the worker has not claimed.
    #[must_use]
    pub(crate) fn recall(&mut self) -> Vec<Turn> {
        let mut recalled = Vec::new();
        let mut bytes = [0; TURN_BYTES];
        while let Ok((_, TURN_BYTES)) = rustix::net::recv(&self.unclaimed, &mut bytes, RecvFlags::DONTWAIT) {
            recalled.push(turn::decode(bytes));
        }
        recalled
    }

    /// Sends no more cases. The worker then runs the cases that it has, tears down its own fixtures, and exits.
    pub(crate) fn close(&mut self) {
        self.dispatch = None;
    }

    /// Whether [`Self::close`] was called.
    #[must_use]
    pub(crate) fn is_closed(&self) -> bool {
        self.dispatch.is_none()
    }

    /// Makes the worker end the running case now, tear everything down, and exit.
    pub(crate) fn cancel(&mut self) {
        note(&self.control, NOTE_CANCEL);
        self.close();
    }

    /// Shuts the control socket down, which stops receiving. It is called when the worker has ended but another process still
    /// holds the worker's end of the socket.
    pub(crate) fn disconnect(&self) {
        let _ = rustix::net::shutdown(&*self.control, rustix::net::Shutdown::Both);
    }

    /// The reports that the worker has not sent yet. They may arrive through the socket later, a second time.
    #[must_use]
    pub(crate) fn unsent(&self) -> Vec<AttemptReport> {
        self.status.get().map(StatusReader::unsent).unwrap_or_default()
    }

    /// The panics of an attempt that make the attempt fail, in the order in which they happened.
    #[must_use]
    pub(crate) fn panics(&self, attempt: u32) -> Vec<PanicRecord> {
        self.status.get().map(|status| status.panics(attempt)).unwrap_or_default()
    }

    /// The last position that the worker has written to its status file.
    #[must_use]
    pub(crate) fn position(&self) -> Option<Position> {
        self.status.get().and_then(StatusReader::position)
    }
}

fn note(control: &Control, note: u8) {
    // An error is ignored. Either the worker is gone, or its socket is full of unread notes because it hangs, and the time limit
    // of the running phase ends a worker that hangs.
    let _ = rustix::net::send(control, &[note], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

fn capture(pair: PipeEnds, control: &Arc<Control>) -> io::Result<Capture> {
    let control = Arc::clone(control);
    Capture::start(pair, move || note(&control, NOTE_READ))
}

/// Receives the messages of one worker until the worker is gone.
struct MessageReceiver {
    worker: WorkerId,
    control: Arc<Control>,
    status: Arc<OnceLock<StatusReader>>,
    capture: Option<Capture>,
    messages: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
}

impl MessageReceiver {
    async fn run(mut self) {
        let mut receiver = Receiver::default();
        while self.control.readable().await.is_ok() {
            match self.control.try_io(Interest::READABLE, || receiver.receive(&*self.control)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    continue;
                }
                Err(_) => break,
            }
            if self.forward_frames(&mut receiver).is_err() {
                self.emit(FromWorker::Broken);
                break;
            }
        }
        let unsent = self.status.get().map(StatusReader::unsent).unwrap_or_default();
        for report in unsent {
            self.emit(FromWorker::Finished { report, output: Output::default() });
        }
        let output = self.capture.take().map(|capture| capture.finish()).unwrap_or_default();
        self.emit(FromWorker::Gone { output });
    }

    fn forward_frames(&mut self, receiver: &mut Receiver) -> Result<(), serde_json::Error> {
        while let Some(frame) = receiver.next_frame() {
            match frame? {
                Message::Ready { fingerprint } => {
                    if let Some(descriptor) = receiver.next_descriptor() {
                        let _ = self.status.set(StatusReader::new(descriptor));
                    }
                    self.emit(FromWorker::Ready { fingerprint });
                }
                Message::Finished { report, wrote } => {
                    let output = if wrote { self.replace_capture(receiver)? } else { Output::default() };
                    self.emit(FromWorker::Finished { report, output });
                }
                Message::LeaveSubscriber => self.emit(FromWorker::LeaveSubscriber),
                Message::ShutDown { problems, remarks } => self.emit(FromWorker::ShutDown { problems, remarks }),
            }
        }
        Ok(())
    }

    /// Ends the capture of one test, and begins the capture of the next test with the new pipes. Returns the output of the first.
    fn replace_capture(&mut self, receiver: &mut Receiver) -> Result<Output, serde_json::Error> {
        let descriptors: VecDeque<_> = std::iter::from_fn(|| receiver.next_descriptor()).take(2).collect();
        let Ok([stdout, stderr]) = <[OwnedFd; 2]>::try_from(Vec::from(descriptors)) else {
            return Err(serde::de::Error::custom("a report came without its output pipes"));
        };
        let ended =
            self.capture.replace(capture(PipeEnds { stdout, stderr }, &self.control).map_err(serde_json::Error::io)?);
        Ok(ended.map(|capture| capture.finish()).unwrap_or_default())
    }

    fn emit(&self, message: FromWorker) {
        // An error is ignored. The receiver no longer exists if the run was aborted.
        let _ = self.messages.send((self.worker, message));
    }
}
