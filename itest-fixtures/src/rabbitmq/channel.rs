//! A channel of a connection: its consumers, the deliveries that are not settled, and the messages whose last frame is not there yet.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::frame::{FrameKind, RawFrame};
use super::method::Acknowledgement;
use super::properties::ContentHeader;
use crate::messages::{Content, Frame, Side};

/// The most publications of a channel that are remembered until the broker may return them.
const MAX_REMEMBERED: usize = 100_000;

/// A channel of a connection.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// The queue that was declared last. A request without a name of a queue means this one.
    declared_queue: String,
    /// The consumers that the broker has not confirmed yet, by their queues.
    requested_consumers: VecDeque<(String, Acknowledgement)>,
    consumers: BTreeMap<String, Acknowledgement>,
    /// The requests for a single message that the broker has not answered yet.
    gets: VecDeque<Acknowledgement>,
    /// The deliveries that the client has to settle.
    unsettled: BTreeSet<u64>,
    from_client: Option<Message>,
    from_server: Option<Message>,
    published: VecDeque<Publication>,
}

/// A publication that the broker may return. It returns them in their order.
#[derive(Debug)]
struct Publication {
    content: u64,
    /// Whether the client has asked for the return of the message if no queue gets it.
    is_mandatory: bool,
}

/// What happens with a message.
#[derive(Debug)]
pub(super) enum MessageKind {
    Published {
        is_mandatory: bool,
    },
    /// The tag is the number of the delivery if the client has to settle it.
    Delivered {
        tag: Option<u64>,
    },
    Returned {
        reason: String,
    },
}

/// A message whose last frame may not be there yet.
#[derive(Debug)]
pub(super) struct Message {
    kind: MessageKind,
    content: Content,
    /// The frames so far, as they pass when the message is complete.
    frames: Vec<u8>,
    /// The bytes of the body that are missing. `None` before the header.
    missing: Option<u64>,
}

impl Message {
    pub(super) fn new(kind: MessageKind, topic: String) -> Self {
        Self { kind, content: Content { topic, ..Content::default() }, frames: Vec::new(), missing: None }
    }

    pub(super) fn finish(self) -> (MessageKind, Content, Vec<u8>) {
        (self.kind, self.content, self.frames)
    }

    /// Adds a frame. `None` if it is none that may follow.
    fn add(&mut self, frame: &RawFrame<'_>, whole: &[u8]) -> Option<()> {
        match (frame.kind, self.missing) {
            (FrameKind::ContentHeader, None) => {
                let header = ContentHeader::read(frame.payload)?;
                self.content.headers = header.headers;
                self.content.wire_fields = header.properties.to_vec();
                self.missing = Some(header.body_size);
            }
            (FrameKind::ContentBody, Some(missing)) => {
                self.missing = Some(missing.checked_sub(frame.payload.len() as u64)?);
                self.content.body.extend_from_slice(frame.payload);
            }
            _ => return None,
        }
        self.frames.extend_from_slice(whole);
        Some(())
    }
}

impl Channel {
    /// Begins a message with the frame of its method.
    pub(super) fn begin(&mut self, sender: Side, message: Message, method: Vec<u8>) -> Frame {
        let frame = Frame::postponed(method.len());
        *self.underway(sender) = Some(Message { frames: method, ..message });
        frame
    }

    /// Adds a frame to the message that its sender has begun. The inner `None` means that the message is not complete, and the outer one that the frame does
    /// not belong to a message.
    #[expect(clippy::option_option, reason = "the frame is wrong, or it is not the last one")]
    pub(super) fn add(&mut self, sender: Side, frame: &RawFrame<'_>, whole: &[u8]) -> Option<Option<Message>> {
        let underway = self.underway(sender);
        let message = underway.as_mut()?;
        message.add(frame, whole)?;
        Some(if message.missing == Some(0) { underway.take() } else { None })
    }

    fn underway(&mut self, sender: Side) -> &mut Option<Message> {
        match sender {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        }
    }

    pub(super) fn note_declared(&mut self, queue: &str) {
        queue.clone_into(&mut self.declared_queue);
    }

    pub(super) fn request_consumer(&mut self, queue: &str, acknowledgement: Acknowledgement) {
        let queue = if queue.is_empty() { &self.declared_queue } else { queue };
        self.requested_consumers.push_back((queue.to_owned(), acknowledgement));
    }

    /// Adds the consumer that was requested first, and returns its queue.
    pub(super) fn add_consumer(&mut self, consumer: &str) -> Option<String> {
        let (queue, acknowledgement) = self.requested_consumers.pop_front()?;
        self.consumers.insert(consumer.to_owned(), acknowledgement);
        Some(queue)
    }

    pub(super) fn consumers(&self) -> impl Iterator<Item = &str> {
        self.consumers.keys().map(String::as_str)
    }

    pub(super) fn begin_get(&mut self, acknowledgement: Acknowledgement) {
        self.gets.push_back(acknowledgement);
    }

    pub(super) fn end_get(&mut self) {
        self.gets.pop_front();
    }

    /// The delivery that answers a request for a single message. Returns the number that the client has to settle, if any.
    pub(super) fn answer_get(&mut self, delivery: u64) -> Option<u64> {
        let acknowledgement = self.gets.pop_front().unwrap_or(Acknowledgement::Manual);
        self.note_delivery(delivery, acknowledgement)
    }

    /// A delivery to a consumer. Returns the number that the client has to settle, if any.
    pub(super) fn deliver(&mut self, delivery: u64, consumer: &str) -> Option<u64> {
        let acknowledgement = self.consumers.get(consumer).copied().unwrap_or(Acknowledgement::Manual);
        self.note_delivery(delivery, acknowledgement)
    }

    fn note_delivery(&mut self, delivery: u64, acknowledgement: Acknowledgement) -> Option<u64> {
        let is_manual = acknowledgement == Acknowledgement::Manual;
        is_manual.then(|| {
            self.unsettled.insert(delivery);
            delivery
        })
    }

    /// Removes a delivery, or also all earlier ones, and returns the removed ones. Number 0 stands for all.
    pub(super) fn settle(&mut self, delivery: u64, includes_earlier: bool) -> Vec<u64> {
        let last = if delivery == 0 { u64::MAX } else { delivery };
        let is_settled = |number: &u64| if includes_earlier { *number <= last } else { *number == delivery };
        let (settled, others) = std::mem::take(&mut self.unsettled).into_iter().partition::<BTreeSet<_>, _>(is_settled);
        self.unsettled = others;
        settled.into_iter().collect()
    }

    pub(super) fn unsettled(&self) -> impl Iterator<Item = u64> {
        self.unsettled.iter().copied()
    }

    pub(super) fn note_published(&mut self, content: &Content, is_mandatory: bool) {
        if self.published.len() == MAX_REMEMBERED {
            self.published.pop_front();
        }
        self.published.push_back(Publication { content: hash(content), is_mandatory });
    }

    /// Whether the client has asked for the return of a message. Messages before it have reached a queue.
    pub(super) fn was_mandatory(&mut self, content: &Content) -> bool {
        let returned = hash(content);
        let position = self.published.iter().position(|publication| publication.content == returned);
        let publication = position.and_then(|position| self.published.drain(..=position).next_back());
        publication.is_none_or(|publication| publication.is_mandatory)
    }
}

fn hash(content: &Content) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
