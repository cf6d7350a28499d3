//! Methods of AMQP 0-9-1: those that concern messages, and those with which itest's own client connects.

use crate::messages::Fields;

/// The class and the number of a method.
pub(super) type MethodId = (u16, u16);

pub(super) const CONNECTION_START: MethodId = (10, 10);
pub(super) const CONNECTION_START_OK: MethodId = (10, 11);
pub(super) const CONNECTION_TUNE: MethodId = (10, 30);
pub(super) const CONNECTION_TUNE_OK: MethodId = (10, 31);
pub(super) const CONNECTION_OPEN: MethodId = (10, 40);
pub(super) const CONNECTION_OPEN_OK: MethodId = (10, 41);
pub(super) const CONNECTION_CLOSE: MethodId = (10, 50);
pub(super) const CONNECTION_BLOCKED: MethodId = (10, 60);
pub(super) const CHANNEL_OPEN: MethodId = (20, 10);
pub(super) const CHANNEL_OPEN_OK: MethodId = (20, 11);
pub(super) const CHANNEL_CLOSE: MethodId = (20, 40);
const CHANNEL_CLOSE_OK: MethodId = (20, 41);
const QUEUE_DECLARE_OK: MethodId = (50, 11);
const BASIC_CONSUME: MethodId = (60, 20);
const BASIC_CONSUME_OK: MethodId = (60, 21);
const BASIC_CANCEL: MethodId = (60, 30);
pub(super) const BASIC_PUBLISH: MethodId = (60, 40);
pub(super) const BASIC_RETURN: MethodId = (60, 50);
const BASIC_DELIVER: MethodId = (60, 60);
const BASIC_GET: MethodId = (60, 70);
const BASIC_GET_OK: MethodId = (60, 71);
const BASIC_GET_EMPTY: MethodId = (60, 72);
pub(super) const BASIC_ACK: MethodId = (60, 80);
const BASIC_REJECT: MethodId = (60, 90);
pub(super) const BASIC_NACK: MethodId = (60, 120);
pub(super) const CONFIRM_SELECT: MethodId = (85, 10);
pub(super) const CONFIRM_SELECT_OK: MethodId = (85, 11);

/// The bit of a publication that asks for the return of a message which no queue gets.
pub(super) const MANDATORY: u8 = 1;

/// Whether a delivery has to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledgement {
    /// The broker takes a delivery as acknowledged when it sends it.
    Automatic,
    /// The client acknowledges.
    Manual,
}

/// A method that concerns messages.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Method<'b> {
    /// The limits of the connection that the broker proposes. The last field is the interval of heartbeats, in two bytes.
    Tune,
    QueueDeclared {
        queue: &'b str,
    },
    Consume {
        queue: &'b str,
        consumer: &'b str,
        acknowledgement: Acknowledgement,
        is_answered: bool,
    },
    ConsumerAdded {
        consumer: &'b str,
    },
    Cancel {
        consumer: &'b str,
    },
    /// A content follows.
    Publish {
        exchange: &'b str,
        key: &'b str,
        is_mandatory: bool,
    },
    /// A content follows.
    Return {
        reason: &'b str,
        exchange: &'b str,
        key: &'b str,
    },
    /// A content follows.
    Deliver {
        consumer: &'b str,
        delivery: u64,
        exchange: &'b str,
        key: &'b str,
    },
    Get {
        acknowledgement: Acknowledgement,
    },
    /// A content follows.
    GetOk {
        delivery: u64,
        exchange: &'b str,
        key: &'b str,
    },
    GetEmpty,
    /// An acknowledgement or a rejection: of this delivery, or also of all earlier ones. Number 0 stands for the last delivery.
    Settle {
        delivery: u64,
        includes_earlier: bool,
    },
    ChannelClosed,
    Other,
}

/// The class and the number of the method in a payload.
pub(super) fn id_of(payload: &[u8]) -> Option<MethodId> {
    let mut fields = Fields::new(payload);
    Some((fields.two_bytes()?, fields.two_bytes()?))
}

impl<'b> Method<'b> {
    /// Reads the payload of a method. `None` if it is malformed.
    pub(super) fn read(payload: &'b [u8]) -> Option<Self> {
        let id = id_of(payload)?;
        let mut fields = Fields::new(payload.get(4..)?);
        Some(match id {
            CONNECTION_TUNE => Self::Tune,
            QUEUE_DECLARE_OK => Self::QueueDeclared { queue: fields.short_text()? },
            BASIC_CONSUME => {
                let (_reserved, queue, consumer) = (fields.two_bytes()?, fields.short_text()?, fields.short_text()?);
                let bits = fields.byte()?;
                // The bits are no-local, no-ack, exclusive and no-wait.
                let (acknowledgement, is_answered) = (acknowledgement(bits & 0b0010), bits & 0b1000 == 0);
                Self::Consume { queue, consumer, acknowledgement, is_answered }
            }
            BASIC_CONSUME_OK => Self::ConsumerAdded { consumer: fields.short_text()? },
            BASIC_CANCEL => Self::Cancel { consumer: fields.short_text()? },
            BASIC_PUBLISH => {
                let (_reserved, exchange, key) = (fields.two_bytes()?, fields.short_text()?, fields.short_text()?);
                Self::Publish { exchange, key, is_mandatory: fields.byte()? & MANDATORY != 0 }
            }
            BASIC_RETURN => {
                let (_code, reason) = (fields.two_bytes()?, fields.short_text()?);
                Self::Return { reason, exchange: fields.short_text()?, key: fields.short_text()? }
            }
            BASIC_DELIVER => {
                let (consumer, delivery, _redelivered) = (fields.short_text()?, fields.eight_bytes()?, fields.byte()?);
                Self::Deliver { consumer, delivery, exchange: fields.short_text()?, key: fields.short_text()? }
            }
            BASIC_GET => {
                let (_reserved, _queue) = (fields.two_bytes()?, fields.short_text()?);
                Self::Get { acknowledgement: acknowledgement(fields.byte()? & 1) }
            }
            BASIC_GET_OK => {
                let (delivery, _redelivered) = (fields.eight_bytes()?, fields.byte()?);
                Self::GetOk { delivery, exchange: fields.short_text()?, key: fields.short_text()? }
            }
            BASIC_GET_EMPTY => Self::GetEmpty,
            BASIC_ACK | BASIC_NACK => {
                Self::Settle { delivery: fields.eight_bytes()?, includes_earlier: fields.byte()? & 1 != 0 }
            }
            BASIC_REJECT => Self::Settle { delivery: fields.eight_bytes()?, includes_earlier: false },
            CHANNEL_CLOSE | CHANNEL_CLOSE_OK => Self::ChannelClosed,
            _ => Self::Other,
        })
    }
}

fn acknowledgement(no_ack: u8) -> Acknowledgement {
    if no_ack == 0 { Acknowledgement::Manual } else { Acknowledgement::Automatic }
}

/// The payload of a method with these arguments.
pub(super) fn method((class, number): MethodId, arguments: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(4 + arguments.len());
    payload.extend_from_slice(&class.to_be_bytes());
    payload.extend_from_slice(&number.to_be_bytes());
    payload.extend_from_slice(arguments);
    payload
}
