//! Frames on the control socket: a length, a JSON body, and file descriptors beside them.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{AttemptReport, WorkerConfig, WorkerId};

/// The first frame, from the supervisor; the worker's end of the dispatch socket travels with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    /// The worker's number.
    pub worker: WorkerId,
    /// What it needs to know of the run.
    pub config: WorkerConfig,
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// It is there; its beacon travels with this.
    Ready {
        /// Of its registry, to be sure that both mean the same cases.
        fingerprint: u64,
    },
    /// An attempt ended.
    Finished {
        /// How.
        report: AttemptReport,
        /// Whether the test wrote anything; then a fresh pair of output pipes travels with this.
        wrote: bool,
    },
    /// The worker's own fixtures are given back; it leaves.
    Farewell {
        /// What went wrong with that.
        problems: Vec<String>,
    },
}

/// At most so many descriptors travel with a frame.
const DESCRIPTORS: usize = 2;

/// The longest body that is believed.
const LONGEST: usize = 1 << 30;

/// Sends a frame on a blocking socket.
pub(super) fn send<T: Serialize>(
    socket: &std::os::unix::net::UnixStream,
    message: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    let mut unsent = frame.as_slice();
    if !descriptors.is_empty() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        let sent = rustix::net::sendmsg(socket, &[IoSlice::new(unsent)], &mut ancillary, SendFlags::empty())?;
        unsent = &unsent[sent..];
    }
    let mut socket = socket;
    socket.write_all(unsent)
}

/// Puts frames together out of what arrives.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    bytes: Vec<u8>,
    parsed: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Receiver {
    /// Reads once; 0 means that the other side is gone.
    pub(super) fn receive(&mut self, socket: impl AsFd) -> io::Result<usize> {
        self.bytes.drain(..self.parsed);
        self.parsed = 0;
        let mut chunk = [0_u8; 16 * 1024];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8 * DESCRIPTORS))];
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

    /// The next whole frame, if it has arrived.
    pub(super) fn next_frame<T: DeserializeOwned>(&mut self) -> Option<Result<T, serde_json::Error>> {
        let unparsed = &self.bytes[self.parsed..];
        let (length, rest) = unparsed.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > LONGEST {
            return Some(serde_json::from_slice(&[]));
        }
        let body = rest.get(..length)?;
        let message = serde_json::from_slice(body);
        self.parsed += 4 + length;
        Some(message)
    }

    /// A descriptor that came with the frames, in order.
    pub(super) fn next_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn frames_arrive_whole_however_they_are_cut() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let long = Message::Farewell { problems: vec!["x".repeat(100_000)] };
        let short = Message::Ready { fingerprint: 7 };
        let sender = std::thread::spawn({
            let (long, short) = (long.clone(), short.clone());
            move || {
                send(&ours, &long, &[]).unwrap();
                send(&ours, &short, &[ours.as_fd()]).unwrap();
            }
        });
        let mut receiver = Receiver::default();
        let mut received = Vec::new();
        while received.len() < 2 {
            assert!(receiver.receive(&theirs).unwrap() > 0);
            while let Some(frame) = receiver.next_frame::<Message>() {
                received.push(frame.unwrap());
            }
        }
        sender.join().unwrap();
        assert_eq!(received, [long, short]);
        assert!(receiver.next_descriptor().is_some());
        assert!(receiver.next_descriptor().is_none());
    }

    #[test]
    fn nonsense_is_an_error_and_not_an_allocation() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(&[0xff; 8]).unwrap();
        let mut receiver = Receiver::default();
        receiver.receive(&theirs).unwrap();
        assert!(receiver.next_frame::<Message>().is_some_and(|frame| frame.is_err()));
    }
}
