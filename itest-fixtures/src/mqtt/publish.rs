//! The packet with a message.

use super::fields::push_text;
use super::packet::{Packet, PacketType, Version, packet};
use super::properties::{Properties, push_user_properties};
use crate::messages::{Content, Fields};

/// The flag of a message that the server keeps for later subscribers.
pub(super) const RETAIN: u8 = 0b0001;

/// The flag of a message whose receiver acknowledges it once.
pub(super) const QUALITY_1: u8 = 0b0010;

/// The flags of the quality of service.
const QUALITY: u8 = 0b0110;

/// A message in a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publish {
    /// The message. Its topic is empty if an alias stands for it.
    pub(super) content: Content,
    /// The number that the acknowledgement names. A message without one is not acknowledged.
    pub(super) packet_id: Option<u16>,
    pub(super) is_retained: bool,
    pub(super) topic_alias: Option<u16>,
}

impl Publish {
    /// Reads a packet. `None` if it is malformed.
    pub(super) fn read(packet: &Packet<'_>, version: Version) -> Option<Self> {
        let mut fields = Fields::new(packet.body);
        let topic = fields.text()?.to_owned();
        let packet_id = if packet.flags & QUALITY == 0 { None } else { Some(fields.two_bytes()?) };
        let properties = match version {
            Version::Three => Properties::default(),
            Version::Five => Properties::read(&mut fields)?,
        };
        let Properties { user: headers, topic_alias, .. } = properties;
        let is_retained = packet.flags & RETAIN != 0;
        // A copy of a message is retained as well.
        let wire_fields = if is_retained { vec![RETAIN] } else { Vec::new() };
        let content = Content { topic, headers, body: fields.rest().to_vec(), wire_fields, ..Content::default() };
        Some(Self { content, packet_id, is_retained, topic_alias })
    }
}

/// The packet of MQTT 5 with which a client publishes a message of quality of service 1. `flags` are further flags.
pub(super) fn publication(content: &Content, packet_id: u16, flags: u8) -> Vec<u8> {
    let Content { topic, headers, body, wire_fields, .. } = content;
    let flags = wire_fields.first().map_or(flags, |of_original| flags | (of_original & RETAIN));
    let mut bytes = Vec::with_capacity(topic.len() + body.len() + 16);
    push_text(&mut bytes, topic);
    bytes.extend_from_slice(&packet_id.to_be_bytes());
    push_user_properties(&mut bytes, headers);
    bytes.extend_from_slice(body);
    packet(PacketType::Publish, QUALITY_1 | flags, &bytes)
}
