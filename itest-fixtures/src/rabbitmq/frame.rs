//! Frames of AMQP 0-9-1: what a connection consists of after its header.

use crate::messages::Fields;

/// What a client sends first: the protocol and its version.
pub(super) const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// The last byte of each frame.
const FRAME_END: u8 = 0xCE;

/// The bytes of a frame before its payload: the kind, the channel and the length.
const HEAD_BYTES: usize = 7;

/// The bytes of a frame that are not its payload.
pub(super) const OVERHEAD_BYTES: usize = HEAD_BYTES + 1;

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Method,
    /// The size and the properties of a message.
    ContentHeader,
    /// A part of the body of a message.
    ContentBody,
    Heartbeat,
}

impl FrameKind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Method),
            2 => Some(Self::ContentHeader),
            3 => Some(Self::ContentBody),
            8 => Some(Self::Heartbeat),
            _ => None,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::Method => 1,
            Self::ContentHeader => 2,
            Self::ContentBody => 3,
            Self::Heartbeat => 8,
        }
    }
}

/// A frame at the beginning of some bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawFrame<'b> {
    pub(super) kind: FrameKind,
    pub(super) channel: u16,
    pub(super) payload: &'b [u8],
    /// The length of the whole frame.
    pub(super) length: usize,
}

/// The beginning of some bytes.
#[derive(Debug)]
pub(super) enum Beginning<'b> {
    Incomplete,
    Malformed,
    Frame(RawFrame<'b>),
}

/// Reads the first frame of some bytes.
pub(super) fn beginning(bytes: &[u8]) -> Beginning<'_> {
    let mut fields = Fields::new(bytes);
    let Some(kind) = fields.byte() else { return Beginning::Incomplete };
    let Some(kind) = FrameKind::of(kind) else { return Beginning::Malformed };
    let (Some(channel), Some(size)) = (fields.two_bytes(), fields.four_bytes()) else { return Beginning::Incomplete };
    let size = size as usize;
    let (Some(payload), Some(end)) = (fields.take(size), fields.byte()) else { return Beginning::Incomplete };
    if end != FRAME_END {
        return Beginning::Malformed;
    }
    Beginning::Frame(RawFrame { kind, channel, payload, length: size + OVERHEAD_BYTES })
}

/// Appends a frame. Its payload is shorter than 4 GB.
pub(super) fn push_frame(bytes: &mut Vec<u8>, kind: FrameKind, channel: u16, payload: &[u8]) {
    let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    bytes.push(kind.byte());
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&size.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes.push(FRAME_END);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn written_frame_is_read_back_and_never_from_a_part(channel: u16, payload: Vec<u8>) {
            let mut bytes = Vec::new();
            push_frame(&mut bytes, FrameKind::ContentBody, channel, &payload);
            for part in 0..bytes.len() {
                prop_assert!(matches!(beginning(&bytes[..part]), Beginning::Incomplete));
            }
            let Beginning::Frame(frame) = beginning(&bytes) else { panic!("no frame") };
            prop_assert_eq!((frame.channel, frame.payload, frame.length), (channel, &payload[..], bytes.len()));
        }
    }

    #[test]
    fn unknown_kind_or_end_is_malformed() {
        for bytes in [&b"HTTP/1.1"[..], &[0, 0, 0], &[8, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(matches!(beginning(bytes), Beginning::Malformed), "{bytes:?}");
        }
    }
}
