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
use super::output::{Capture, Pair};
use super::status_file::{BeaconReader, Position};
use super::turn::{self, TURN};
use super::wire::{Message, Receiver};
use crate::model::{AttemptReport, Output, PanicRecord, Remark, Turn, WorkerId};

/// What the supervisor hears from a worker.
#[derive(Debug)]
pub(crate) enum FromWorker {
    /// It is there.
    Ready {
        /// Of its registry.
        fingerprint: u64,
    },
    /// An attempt ended; this is what the test wrote.
    Finished {
        /// How.
        report: AttemptReport,
        /// What the test wrote.
        output: Output,
    },
    /// Its running case installs its own subscriber of `tracing`, and is to run again in a worker that leaves it the place.
    LeaveSubscriber,
    /// It has given back its own fixtures, and ends.
    ShutDown {
        /// What went wrong with that.
        problems: Vec<String>,
        /// What its fixtures say of the tests.
        remarks: Vec<Remark>,
    },
    /// It sent a message that cannot be decoded.
    Broken,
    /// Its socket is closed, so that no more messages come.
    Gone {
        /// What the last test wrote.
        output: Output,
    },
}

/// A worker, as the supervisor holds it.
#[derive(Debug)]
pub(crate) struct Link {
    control: Arc<Control>,
    /// `None` when no more cases will be sent.
    dispatch: Option<UnixStream>,
    /// The worker's own end: what it has not claimed can be read back from here.
    unclaimed: UnixStream,
    beacon: Arc<OnceLock<BeaconReader>>,
}

impl Link {
    /// Starts receiving; each message goes to `messages`, with the worker's number.
    pub(super) fn start(
        worker: WorkerId,
        control: UnixStream,
        dispatch: UnixStream,
        unclaimed: UnixStream,
        output: Option<Pair>,
        messages: mpsc::UnboundedSender<(WorkerId, FromWorker)>,
    ) -> io::Result<Self> {
        control.set_nonblocking(true)?;
        let control = Arc::new(Control::from_std(control)?);
        let beacon = Arc::default();
        let capture = output.map(|pair| capture(pair, &control)).transpose()?;
        let receiver =
            MessageReceiver { worker, control: Arc::clone(&control), beacon: Arc::clone(&beacon), capture, messages };
        tokio::spawn(receiver.run());
        Ok(Self { control, dispatch: Some(dispatch), unclaimed, beacon })
    }

    /// Sends cases, in the order in which they should run.
    ///
    /// # Errors
    ///
    /// When the worker is gone, or no more cases may be sent.
    pub(crate) fn dispatch(&mut self, turns: impl IntoIterator<Item = Turn>) -> io::Result<()> {
        let bytes: Vec<u8> = turns.into_iter().flat_map(turn::write).collect();
        self.dispatch.as_mut().ok_or(io::ErrorKind::NotConnected)?.write_all(&bytes)
    }

    /// Takes back the cases that the worker has not begun.
    #[must_use]
    pub(crate) fn recall(&mut self) -> Vec<Turn> {
        let mut recalled = Vec::new();
        let mut bytes = [0; TURN];
        while let Ok((_, TURN)) = rustix::net::recv(&self.unclaimed, &mut bytes, RecvFlags::DONTWAIT) {
            recalled.push(turn::read(bytes));
        }
        recalled
    }

    /// Lets the worker finish what it holds, give back its own fixtures, and leave.
    pub(crate) fn close(&mut self) {
        self.dispatch = None;
    }

    /// Whether [`Self::close`] was called.
    #[must_use]
    pub(crate) fn is_closed(&self) -> bool {
        self.dispatch.is_none()
    }

    /// Asks the worker to end the running case now, to give everything back, and to leave.
    pub(crate) fn cancel(&mut self) {
        note(&self.control, NOTE_CANCEL);
        self.close();
    }

    /// Stops receiving: the worker has ended, and another process holds its end of the socket.
    pub(crate) fn hang_up(&self) {
        let _ = rustix::net::shutdown(&*self.control, rustix::net::Shutdown::Both);
    }

    /// Reports that the worker has not sent yet. They may come once more, through the socket.
    #[must_use]
    pub(crate) fn unsent(&self) -> Vec<AttemptReport> {
        self.beacon.get().map(BeaconReader::unsent).unwrap_or_default()
    }

    /// The panics of one of the worker's attempts that fail it, in their order.
    #[must_use]
    pub(crate) fn panics(&self, attempt: u32) -> Vec<PanicRecord> {
        self.beacon.get().map(|beacon| beacon.panics(attempt)).unwrap_or_default()
    }

    /// Where the worker is or was.
    #[must_use]
    pub(crate) fn position(&self) -> Option<Position> {
        self.beacon.get().and_then(BeaconReader::position)
    }
}

fn note(control: &Control, note: u8) {
    // A worker that is gone needs no note, and one that has not read thousands of them hangs and is dealt with elsewhere.
    let _ = rustix::net::send(control, &[note], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

fn capture(pair: Pair, control: &Arc<Control>) -> io::Result<Capture> {
    let control = Arc::clone(control);
    Capture::start(pair, move || note(&control, NOTE_READ))
}

/// Listens to one worker until it is gone.
struct MessageReceiver {
    worker: WorkerId,
    control: Arc<Control>,
    beacon: Arc<OnceLock<BeaconReader>>,
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
            if self.pass_on(&mut receiver).is_err() {
                self.say(FromWorker::Broken);
                break;
            }
        }
        let unsent = self.beacon.get().map(BeaconReader::unsent).unwrap_or_default();
        for report in unsent {
            self.say(FromWorker::Finished { report, output: Output::default() });
        }
        let output = self.capture.take().map(|capture| capture.finish()).unwrap_or_default();
        self.say(FromWorker::Gone { output });
    }

    fn pass_on(&mut self, receiver: &mut Receiver) -> Result<(), serde_json::Error> {
        while let Some(frame) = receiver.next_frame() {
            match frame? {
                Message::Ready { fingerprint } => {
                    if let Some(descriptor) = receiver.next_descriptor() {
                        let _ = self.beacon.set(BeaconReader::new(descriptor));
                    }
                    self.say(FromWorker::Ready { fingerprint });
                }
                Message::Finished { report, wrote } => {
                    let output = if wrote { self.exchange(receiver)? } else { Output::default() };
                    self.say(FromWorker::Finished { report, output });
                }
                Message::LeaveSubscriber => self.say(FromWorker::LeaveSubscriber),
                Message::ShutDown { problems, remarks } => self.say(FromWorker::ShutDown { problems, remarks }),
            }
        }
        Ok(())
    }

    /// Ends the capture of one test and begins that of the next.
    fn exchange(&mut self, receiver: &mut Receiver) -> Result<Output, serde_json::Error> {
        let fresh: VecDeque<_> = std::iter::from_fn(|| receiver.next_descriptor()).take(2).collect();
        let Ok([stdout, stderr]) = <[OwnedFd; 2]>::try_from(Vec::from(fresh)) else {
            return Err(serde::de::Error::custom("a report came without its output pipes"));
        };
        let ended =
            self.capture.replace(capture(Pair { stdout, stderr }, &self.control).map_err(serde_json::Error::io)?);
        Ok(ended.map(|capture| capture.finish()).unwrap_or_default())
    }

    fn say(&self, message: FromWorker) {
        // The receiver is gone when the run has been given up.
        let _ = self.messages.send((self.worker, message));
    }
}
