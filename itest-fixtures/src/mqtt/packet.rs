//! The packets of MQTT: their fixed header, and their bytes.

use super::fields::push_variable;
use crate::messages::Fields;

/// The longest fixed header: a byte, and four bytes for the length.
const MAX_HEADER_BYTES: usize = 5;

/// The type of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketType {
    Connect = 1,
    ConnectAcknowledged = 2,
    Publish = 3,
    /// A receiver has got a message of quality of service 1.
    PublishAcknowledged = 4,
    /// A receiver has got a message of quality of service 2.
    PublishReceived = 5,
    PublishReleased = 6,
    PublishCompleted = 7,
    Subscribe = 8,
    SubscribeAcknowledged = 9,
    Unsubscribe = 10,
    UnsubscribeAcknowledged = 11,
    Ping = 12,
    PingAnswered = 13,
    Disconnect = 14,
    Authenticate = 15,
}

impl PacketType {
    const ALL: [Self; 15] = [
        Self::Connect,
        Self::ConnectAcknowledged,
        Self::Publish,
        Self::PublishAcknowledged,
        Self::PublishReceived,
        Self::PublishReleased,
        Self::PublishCompleted,
        Self::Subscribe,
        Self::SubscribeAcknowledged,
        Self::Unsubscribe,
        Self::UnsubscribeAcknowledged,
        Self::Ping,
        Self::PingAnswered,
        Self::Disconnect,
        Self::Authenticate,
    ];

    /// The type in the first byte of a packet.
    pub(super) fn of(first_byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|control_type| *control_type as u8 == first_byte >> 4)
    }
}

/// The version of the protocol that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1 or 3.1.1.
    Three,
    /// MQTT 5, whose packets have properties.
    Five,
}

/// A whole packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet<'b> {
    pub(super) control_type: PacketType,
    /// The four flags of the first byte.
    pub(super) flags: u8,
    /// The bytes after the fixed header.
    pub(super) body: &'b [u8],
    /// The length of the packet with its fixed header.
    pub(super) length: usize,
}

/// The beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning<'b> {
    /// The packet is not complete.
    Incomplete,
    Packet(Packet<'b>),
    /// The bytes are no packet.
    Malformed,
}

/// Reads the packet at the beginning of some bytes.
pub(super) fn beginning(bytes: &[u8]) -> Beginning<'_> {
    let Some((first, rest)) = bytes.split_first() else { return Beginning::Incomplete };
    let Some(control_type) = PacketType::of(*first) else { return Beginning::Malformed };
    let mut fields = Fields::new(rest);
    let Some(body_length) = fields.variable() else {
        return if bytes.len() < MAX_HEADER_BYTES { Beginning::Incomplete } else { Beginning::Malformed };
    };
    let header = bytes.len() - fields.rest().len();
    match fields.take(body_length) {
        Some(body) => {
            Beginning::Packet(Packet { control_type, flags: first & 0x0f, body, length: header + body_length })
        }
        None => Beginning::Incomplete,
    }
}

/// The bytes of a packet.
pub(super) fn packet(control_type: PacketType, flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + MAX_HEADER_BYTES);
    bytes.push((control_type as u8) << 4 | flags);
    push_variable(&mut bytes, body.len());
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn written_packet_is_read_back_and_each_part_of_it_is_incomplete(
            number in 0..PacketType::ALL.len(),
            flags in 0..16_u8,
            body in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let control_type = PacketType::ALL[number];
            let bytes = packet(control_type, flags, &body);
            let expected = Packet { control_type, flags, body: &body, length: bytes.len() };
            prop_assert_eq!(beginning(&bytes), Beginning::Packet(expected));
            for part in 0..bytes.len() {
                prop_assert_eq!(beginning(&bytes[..part]), Beginning::Incomplete);
            }
        }
    }

    #[test]
    fn wrong_type_and_wrong_length_are_malformed() {
        assert_eq!(beginning(&[0x0f, 0]), Beginning::Malformed);
        assert_eq!(beginning(&[0x30, 0xff, 0xff, 0xff, 0xff]), Beginning::Malformed);
    }
}
