//! The frames on the control socket. A frame is a length and a body, and file descriptors may be sent with it.
//!
//! A body is JSON, with one exception: the report of a test that passed, with the time of each phase, is encoded in binary.
//! This report is sent for nearly every test, and test binaries are built without optimizations, so that JSON would cost more
//! than the rest of an empty test.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::{Deserialize, Serialize};

use crate::model::{AttemptReport, Remark, WorkerConfig, WorkerId};

/// The first frame, from the supervisor to the worker.
///
/// The worker's end of the dispatch socket is sent with it. If output is captured, the read ends of the worker's output pipes
/// are sent too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// The worker's number.
    pub worker: WorkerId,
    /// The part of the run's configuration that a worker needs.
    pub config: WorkerConfig,
}

/// A message from a worker to the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// The worker is ready. Its status file is sent with this message.
    Ready {
        /// The fingerprint of the worker's registry, with which the supervisor checks that both have the same cases.
        fingerprint: u64,
    },
    /// An attempt has ended.
    Finished {
        /// The result.
        report: AttemptReport,
        /// Whether the test wrote anything. If so, the read ends of new output pipes are sent with this message.
        wrote: bool,
    },
    /// The running case installs its own `tracing` subscriber. It must run again in a worker without itest's subscriber.
    LeaveSubscriber,
    /// The worker has torn down its own fixtures and exits.
    ShutDown {
        /// The errors of that teardown.
        problems: Vec<String>,
        /// Remarks of the worker's fixtures about tests.
        #[serde(default)]
        remarks: Vec<Remark>,
    },
}

/// The most descriptors that are sent with a frame.
const MAX_DESCRIPTORS: usize = 3;

/// The most bytes of a body. A greater length means that the data is damaged.
const MAX_BODY_BYTES: usize = 1 << 30;

/// A type that can be the body of a frame.
pub(super) trait Body: Sized {
    /// Appends the encoded body to a frame.
    fn encode(&self, frame: &mut Vec<u8>) -> serde_json::Result<()>;
    /// Decodes a body.
    fn decode(body: &[u8]) -> serde_json::Result<Self>;
}

impl Body for Start {
    fn encode(&self, frame: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(frame, self)
    }

    fn decode(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }
}

impl Body for Message {
    fn encode(&self, frame: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Finished { report, wrote } if brief::covers(report) => {
                brief::encode(report, *wrote, frame);
                Ok(())
            }
            message => serde_json::to_writer(frame, message),
        }
    }

    fn decode(body: &[u8]) -> serde_json::Result<Self> {
        if body.first() == Some(&brief::TAG) {
            let decoded = brief::decode(&body[1..]);
            let (report, wrote) =
                decoded.ok_or_else(|| serde::de::Error::custom("a short report has an invalid length"))?;
            return Ok(Self::Finished { report, wrote });
        }
        serde_json::from_slice(body)
    }
}

impl Message {
    /// Whether this is the short report of a test that passed and wrote nothing.
    pub(super) fn is_brief(&self) -> bool {
        matches!(self, Self::Finished { report, wrote: false } if brief::covers(report))
    }
}

/// The short binary form of a report, for a test that passed without leaks, notes and described phases.
mod brief {
    use std::time::Duration;

    use crate::model::{AttemptReport, CaseIndex, Outcome, Phase, PhaseTime};

    /// The first byte of the short form. No JSON text begins with it.
    pub(super) const TAG: u8 = 0;

    /// The tag (1 byte), whether the test wrote something (1 byte), the case (4 bytes) and the number of the attempt (4 bytes).
    const HEAD_BYTES: usize = 10;

    /// The length of an entry: a phase (1 byte) and its time in nanoseconds (8 bytes).
    const ENTRY_BYTES: usize = 9;

    pub(super) fn covers(report: &AttemptReport) -> bool {
        report.outcome == Outcome::Passed
            && report.leaks.is_empty()
            && report.notes.is_empty()
            && report.exchanges.is_empty()
            && report.calls.is_none()
            && report.phases.iter().all(|phase| phase.description.is_none())
    }

    /// Several fields are written as one number, because each call costs time in a binary that is built without optimization.
    pub(super) fn encode(report: &AttemptReport, wrote: bool, frame: &mut Vec<u8>) {
        let case = u128::from(report.case.0) << 16 | u128::from(report.number) << 48;
        let head = u128::from(TAG) | u128::from(wrote) << 8 | case;
        frame.extend_from_slice(&head.to_le_bytes()[..HEAD_BYTES]);
        for phase in &report.phases {
            let elapsed = u64::try_from(phase.elapsed.as_nanos()).unwrap_or(u64::MAX);
            let entry = u128::from(phase.phase.number()) | u128::from(elapsed) << 8;
            frame.extend_from_slice(&entry.to_le_bytes()[..ENTRY_BYTES]);
        }
    }

    pub(super) fn decode(body: &[u8]) -> Option<(AttemptReport, bool)> {
        let (wrote, rest) = body.split_first()?;
        let (case, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (entries, []) = rest.as_chunks::<ENTRY_BYTES>() else { return None };
        let mut phases = Vec::with_capacity(entries.len());
        for [phase, elapsed @ ..] in entries {
            let elapsed = Duration::from_nanos(u64::from_le_bytes(*elapsed));
            phases.push(PhaseTime { phase: Phase::from_number(*phase)?, description: None, elapsed });
        }
        let case = CaseIndex(u32::from_le_bytes(*case));
        let number = u32::from_le_bytes(*number);
        let report = AttemptReport { number, outcome: Outcome::Passed, phases, ..AttemptReport::interrupted(case) };
        Some((report, *wrote == 1))
    }
}

/// Appends a message as a complete frame.
pub(super) fn append<T: Body>(frames: &mut Vec<u8>, message: &T) -> io::Result<()> {
    let start = frames.len();
    frames.extend_from_slice(&[0; 4]);
    message.encode(frames)?;
    let length = u32::try_from(frames.len() - start - 4).map_err(io::Error::other)?;
    frames[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Sends a message as one frame on a blocking socket.
pub(super) fn send<T: Body>(socket: &UnixStream, message: &T, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(64);
    append(&mut frame, message)?;
    send_frames(socket, &frame, descriptors)
}

/// Sends complete frames on a blocking socket. The descriptors belong to the last frame.
pub(super) fn send_frames(socket: &UnixStream, frames: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut unsent = frames;
    if !descriptors.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        let sent = rustix::net::sendmsg(socket, &[IoSlice::new(unsent)], &mut ancillary, SendFlags::empty())?;
        unsent = &unsent[sent..];
    }
    let mut socket = socket;
    socket.write_all(unsent)
}

/// Assembles frames from the received bytes.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    bytes: Vec<u8>,
    parsed: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Receiver {
    /// Reads once from the socket. Returns the number of bytes; 0 means that the other side has closed the socket.
    pub(super) fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        self.bytes.drain(..self.parsed);
        self.parsed = 0;
        let mut chunk = [0_u8; 16 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8 * MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received =
            rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut chunk)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        self.bytes.extend_from_slice(&chunk[..received.bytes]);
        Ok(received.bytes)
    }

    /// A receiver for frames that were not received from a socket.
    pub(super) fn from_frames(frames: Vec<u8>) -> Self {
        Self { bytes: frames, ..Self::default() }
    }

    /// The next frame, if it has arrived completely.
    pub(super) fn next_frame<T: Body>(&mut self) -> Option<Result<T, serde_json::Error>> {
        let unparsed = &self.bytes[self.parsed..];
        let (length, rest) = unparsed.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_BODY_BYTES {
            return Some(Err(serde::de::Error::custom("a frame is longer than any message")));
        }
        let body = rest.get(..length)?;
        let message = T::decode(body);
        self.parsed += 4 + length;
        Some(message)
    }

    /// The next descriptor that was received with the frames, in the order of sending.
    pub(super) fn next_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{CaseIndex, Outcome, Phase, PhaseTime};

    #[test]
    fn long_frame_is_assembled_from_several_reads() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let long = Message::ShutDown { problems: vec!["x".repeat(100_000)], remarks: Vec::new() };
        let short = Message::Ready { fingerprint: 7 };
        let sender = std::thread::spawn({
            let (long, short) = (long.clone(), short.clone());
            move || {
                send(&ours, &long, &[]).unwrap();
                send(&ours, &short, &[ours.as_fd()]).unwrap();
            }
        });
        let mut receiver = Receiver::default();
        let mut messages = Vec::new();
        while messages.len() < 2 {
            assert!(receiver.receive(&theirs).unwrap() > 0);
            while let Some(frame) = receiver.next_frame::<Message>() {
                messages.push(frame.unwrap());
            }
        }
        sender.join().unwrap();
        assert_eq!(messages, [long, short]);
        assert!(receiver.next_descriptor().is_some());
        assert!(receiver.next_descriptor().is_none());
    }

    proptest! {
        #[test]
        fn short_report_decodes_to_the_same_report(case: u32, number: u32, wrote: bool, elapsed in proptest::collection::vec(0_u64..1 << 40, 0..6)) {
            let phases = elapsed.iter().zip(Phase::ALL).map(|(nanos, phase)| {
                PhaseTime { phase, description: None, elapsed: Duration::from_nanos(*nanos) }
            });
            let report = AttemptReport { number, outcome: Outcome::Passed, phases: phases.collect(), ..AttemptReport::interrupted(CaseIndex(case)) };
            let message = Message::Finished { report, wrote };
            let mut body = Vec::new();
            message.encode(&mut body).unwrap();
            prop_assert!(body.len() < 68);
            prop_assert_eq!(Message::decode(&body).unwrap(), message);
            prop_assert!(Message::decode(&body[..body.len() - 1]).is_err());
        }
    }

    #[test]
    fn frame_with_an_impossible_length_is_an_error() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(&[0xff; 8]).unwrap();
        let mut receiver = Receiver::default();
        receiver.receive(&theirs).unwrap();
        assert!(receiver.next_frame::<Message>().is_some_and(|frame| frame.is_err()));
    }
}
