//! Reads the frames of AMQP 0-9-1 that pass on a connection.
//!
//! A message consists of several frames: a method, a header, and parts of the body. Frames of other channels may be between them. The reader collects the frames
//! of a message until the last one is there, so that the tap can decide about the message as a whole.

use std::collections::HashMap;

use super::channel::{Channel, Message, MessageKind};
use super::frame::{Beginning, FrameKind, PROTOCOL_HEADER, RawFrame, beginning};
use super::method::{MANDATORY, Method};
use super::properties::ContentHeader;
use super::topic::topic_of;
use crate::messages::{Frame, FrameReader, MAX_MESSAGE_BYTES, Meaning, Reading, Side};

/// Reads the frames of one connection.
#[derive(Debug, Default)]
pub(super) struct AmqpReader {
    /// Whether the client has sent its header.
    has_header: bool,
    channels: HashMap<u16, Channel>,
}

impl FrameReader for AmqpReader {
    fn read(&mut self, sender: Side, bytes: &[u8]) -> Reading {
        if sender == Side::Client && !self.has_header {
            return self.header(bytes);
        }
        let frame = match beginning(bytes) {
            Beginning::Incomplete => return Reading::Incomplete,
            Beginning::Malformed => return Reading::Foreign,
            Beginning::Frame(frame) => frame,
        };
        if frame.kind == FrameKind::ContentHeader
            && ContentHeader::size_of_body(frame.payload) > Some(MAX_MESSAGE_BYTES as u64)
        {
            return Reading::TooLong;
        }
        let read = match frame.kind {
            FrameKind::Heartbeat => Some(passing(&frame, Meaning::Other)),
            FrameKind::Method => self.method(sender, &frame, &bytes[..frame.length]),
            FrameKind::ContentHeader | FrameKind::ContentBody => self.content(sender, &frame, &bytes[..frame.length]),
        };
        read.map_or(Reading::Foreign, Reading::Frame)
    }
}

impl AmqpReader {
    fn header(&mut self, bytes: &[u8]) -> Reading {
        let length = PROTOCOL_HEADER.len().min(bytes.len());
        if bytes[..length] != PROTOCOL_HEADER[..length] {
            return Reading::Foreign;
        }
        if length < PROTOCOL_HEADER.len() {
            return Reading::Incomplete;
        }
        self.has_header = true;
        Reading::Frame(Frame::new(length, Meaning::Other))
    }

    /// Reads a method. `whole` is its whole frame.
    fn method(&mut self, sender: Side, frame: &RawFrame<'_>, whole: &[u8]) -> Option<Frame> {
        let number = frame.channel;
        let channel = self.channels.entry(number).or_default();
        let meaning = match Method::read(frame.payload)? {
            Method::Tune => {
                return Some(Frame { replacement: Some(without_heartbeat(whole)), ..passing(frame, Meaning::Other) });
            }
            Method::Publish { exchange, key, is_mandatory } => {
                let message = Message::new(MessageKind::Published { is_mandatory }, topic_of(exchange, key));
                return Some(channel.begin(sender, message, mandatory(whole)));
            }
            Method::Return { reason, exchange, key } => {
                let kind = MessageKind::Returned { reason: reason.to_owned() };
                return Some(channel.begin(sender, Message::new(kind, topic_of(exchange, key)), whole.to_vec()));
            }
            Method::Deliver { consumer, delivery, exchange, key } => {
                let tag = channel.deliver(delivery, consumer);
                let message = Message::new(MessageKind::Delivered { tag }, topic_of(exchange, key));
                return Some(channel.begin(sender, message, whole.to_vec()));
            }
            Method::GetOk { delivery, exchange, key } => {
                let tag = channel.answer_get(delivery);
                let message = Message::new(MessageKind::Delivered { tag }, topic_of(exchange, key));
                return Some(channel.begin(sender, message, whole.to_vec()));
            }
            Method::GetEmpty => {
                channel.end_get();
                Meaning::Other
            }
            Method::Get { acknowledgement } => {
                channel.begin_get(acknowledgement);
                Meaning::Other
            }
            Method::QueueDeclared { queue } => {
                channel.note_declared(queue);
                Meaning::Other
            }
            Method::Consume { queue, consumer, acknowledgement, is_answered } => {
                channel.request_consumer(queue, acknowledgement);
                if is_answered { Meaning::Other } else { subscribed(number, consumer, channel) }
            }
            Method::ConsumerAdded { consumer } => subscribed(number, consumer, channel),
            Method::Cancel { consumer } => Meaning::Unsubscribed { id: name(number, consumer) },
            Method::Settle { delivery, includes_earlier } if sender == Side::Client => {
                let settled = channel.settle(delivery, includes_earlier).into_iter();
                Meaning::Acknowledged(settled.map(|delivery| name(number, delivery)).collect())
            }
            Method::ChannelClosed => self.close_channel(number),
            // What the broker settles are confirmations of publications.
            Method::Settle { .. } | Method::Other => Meaning::Other,
        };
        Some(passing(frame, meaning))
    }

    /// Reads a part of a message after its method.
    fn content(&mut self, sender: Side, frame: &RawFrame<'_>, whole: &[u8]) -> Option<Frame> {
        let number = frame.channel;
        let channel = self.channels.get_mut(&number)?;
        let Some(message) = channel.add(sender, frame, whole)? else { return Some(Frame::postponed(frame.length)) };
        let (kind, content, frames) = message.finish();
        let meaning = match kind {
            MessageKind::Published { is_mandatory } => {
                channel.note_published(&content, is_mandatory);
                Meaning::Published(content)
            }
            MessageKind::Delivered { tag } => {
                Meaning::Delivered { content, tag: tag.map(|delivery| name(number, delivery)) }
            }
            MessageKind::Returned { reason } => {
                let is_mandatory = channel.was_mandatory(&content);
                let meaning = Meaning::Unroutable { content, reason };
                if is_mandatory { meaning } else { Meaning::AnswerToTap(Some(Box::new(meaning))) }
            }
        };
        Some(Frame { replacement: Some(frames), ..Frame::new(frame.length, meaning) })
    }

    /// The end of a channel is the end of its consumers, and the broker takes back what it has delivered to them.
    fn close_channel(&mut self, number: u16) -> Meaning {
        let Some(channel) = self.channels.remove(&number) else { return Meaning::Other };
        let consumers = channel.consumers().map(|consumer| Meaning::Unsubscribed { id: name(number, consumer) });
        let mut meanings: Vec<Meaning> = consumers.collect();
        meanings.push(Meaning::Returned(channel.unsettled().map(|delivery| name(number, delivery)).collect()));
        Meaning::Several(meanings)
    }
}

/// A frame that passes as it is.
fn passing(frame: &RawFrame<'_>, meaning: Meaning) -> Frame {
    Frame::new(frame.length, meaning)
}

/// A name that is unique in a connection.
fn name(channel: u16, of_channel: impl std::fmt::Display) -> String {
    format!("{channel}:{of_channel}")
}

fn subscribed(number: u16, consumer: &str, channel: &mut Channel) -> Meaning {
    match channel.add_consumer(consumer) {
        Some(queue) => Meaning::Subscribed { id: name(number, consumer), pattern: queue },
        None => Meaning::Other,
    }
}

/// The frame of a publication, which asks the broker to return the message if no queue gets it. The bits are the last byte before the end.
fn mandatory(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if let [.., bits, _end] = &mut frame[..] {
        *bits |= MANDATORY;
    }
    frame
}

/// The proposal of a connection without heartbeats. A client may still ask for them. Clients such as lapin have a task that sleeps until the next
/// heartbeat, and goes on sleeping after the connection was closed, so each test would leave it behind.
fn without_heartbeat(frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if let [.., high, low, _end] = &mut frame[..] {
        (*high, *low) = (0, 0);
    }
    frame
}

#[cfg(test)]
mod tests;
