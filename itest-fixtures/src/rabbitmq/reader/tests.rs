//! Tests of the reader, with frames as clients and brokers send them.

use proptest::prelude::*;

use super::*;
use crate::messages::Content;
use crate::rabbitmq::fields::{push_long_bytes, push_short_text};
use crate::rabbitmq::frame::push_frame;
use crate::rabbitmq::method::{
    BASIC_ACK, BASIC_PUBLISH, BASIC_RETURN, CHANNEL_CLOSE, CONNECTION_TUNE, CONNECTION_TUNE_OK, MethodId, method,
};
use crate::rabbitmq::properties::{content_header, properties_of};

const DELIVER: MethodId = (60, 60);
const CONSUME: MethodId = (60, 20);
const CONSUME_OK: MethodId = (60, 21);

fn frame(kind: FrameKind, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_frame(&mut bytes, kind, channel, payload);
    bytes
}

fn method_frame(channel: u16, id: MethodId, texts: &[&str], before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut arguments = before.to_vec();
    for text in texts {
        push_short_text(&mut arguments, text);
    }
    arguments.extend_from_slice(after);
    frame(FrameKind::Method, channel, &method(id, &arguments))
}

/// The frames of a content, each part of the body with at most two bytes.
fn content_frames(channel: u16, body: &str) -> Vec<Vec<u8>> {
    let properties = properties_of(&[("trace".to_owned(), "7".to_owned())]).unwrap();
    let header = frame(FrameKind::ContentHeader, channel, &content_header(body.len(), &properties));
    let parts = body.as_bytes().chunks(2).map(|part| frame(FrameKind::ContentBody, channel, part));
    std::iter::once(header).chain(parts).collect()
}

fn publication(channel: u16, exchange: &str, key: &str, bits: u8) -> Vec<u8> {
    method_frame(channel, BASIC_PUBLISH, &[exchange, key], &[0, 0], &[bits])
}

fn delivery(channel: u16, number: u8, key: &str) -> Vec<u8> {
    let mut arguments = Vec::new();
    push_short_text(&mut arguments, "consumer");
    arguments.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, number, 0]);
    push_short_text(&mut arguments, "");
    push_short_text(&mut arguments, key);
    frame(FrameKind::Method, channel, &method(DELIVER, &arguments))
}

fn acknowledgement(channel: u16, number: u8, multiple: u8) -> Vec<u8> {
    method_frame(channel, BASIC_ACK, &[], &[0, 0, 0, 0, 0, 0, 0, number], &[multiple])
}

fn content(topic: &str, body: &str) -> Content {
    let headers = vec![("trace".to_owned(), "7".to_owned())];
    let wire_fields = properties_of(&headers).unwrap();
    Content { topic: topic.to_owned(), headers, body: body.as_bytes().to_vec(), wire_fields, ..Content::default() }
}

fn reader() -> AmqpReader {
    let mut reader = AmqpReader::default();
    assert!(matches!(reader.read(Side::Client, PROTOCOL_HEADER), Reading::Frame(_)));
    reader
}

/// Reads all frames of some bytes, and returns what they say and what passes.
fn read(reader: &mut AmqpReader, sender: Side, mut bytes: &[u8]) -> (Vec<Meaning>, Vec<u8>) {
    let (mut meanings, mut passed) = (Vec::new(), Vec::new());
    while let Reading::Frame(Frame { length, meaning, replacement, .. }) = reader.read(sender, bytes) {
        if !matches!(meaning, Meaning::AnswerToTap(_)) {
            passed.extend_from_slice(replacement.as_deref().unwrap_or(&bytes[..length]));
        }
        if meaning != Meaning::Other {
            meanings.push(meaning);
        }
        bytes = &bytes[length..];
    }
    assert_eq!(bytes, b"", "unread");
    (meanings, passed)
}

#[test]
fn proposed_heartbeat_is_removed_and_the_clients_own_one_passes() {
    let tune = |id, heartbeat| frame(FrameKind::Method, 0, &method(id, &[7, 255, 0, 2, 0, 0, 0, heartbeat]));
    let mut reader = reader();
    let (_, passed) = read(&mut reader, Side::Server, &tune(CONNECTION_TUNE, 60));
    assert_eq!(passed, tune(CONNECTION_TUNE, 0));
    let (_, passed) = read(&mut reader, Side::Client, &tune(CONNECTION_TUNE_OK, 5));
    assert_eq!(passed, tune(CONNECTION_TUNE_OK, 5));
}

#[test]
fn message_of_several_frames_is_read_when_the_last_one_is_there() {
    let frames = [vec![publication(3, "shop", "order.paid", 0)], content_frames(3, "hello")].concat().concat();
    let (meanings, passed) = read(&mut reader(), Side::Client, &frames);
    assert_eq!(meanings, [Meaning::Published(content("shop/order.paid", "hello"))]);
    let mandatory =
        [vec![publication(3, "shop", "order.paid", MANDATORY)], content_frames(3, "hello")].concat().concat();
    assert_eq!(passed, mandatory, "the tap asks for the return of the message");
}

#[test]
fn frames_of_other_channels_may_come_between() {
    let (first, second) = (content_frames(1, "abcd"), content_frames(2, ""));
    let frames = [
        publication(1, "", "a", 1),
        first[0].clone(),
        publication(2, "", "b", 1),
        first[1].clone(),
        frame(FrameKind::Heartbeat, 0, &[]),
        second[0].clone(),
        first[2].clone(),
    ];
    let (meanings, passed) = read(&mut reader(), Side::Client, &frames.concat());
    assert_eq!(meanings, [Meaning::Published(content("b", "")), Meaning::Published(content("a", "abcd"))]);
    assert_eq!(passed.len(), frames.concat().len());
}

#[test]
fn returned_message_passes_only_to_a_client_that_has_requested_it() {
    let mut reader = reader();
    for (bits, key) in [(0, "quiet"), (1, "mandatory"), (0, "routed"), (0, "quiet")] {
        let frames = [vec![publication(1, "shop", key, bits)], content_frames(1, "x")].concat().concat();
        read(&mut reader, Side::Client, &frames);
    }
    let returned = |key| {
        let method = method_frame(1, BASIC_RETURN, &["NO_ROUTE", "shop", key], &[1, 56], &[]);
        [vec![method], content_frames(1, "x")].concat().concat()
    };
    let unroutable = |key: &str| Meaning::Unroutable {
        content: content(&format!("shop/{key}"), "x"),
        reason: "NO_ROUTE".to_owned(),
    };
    for (key, is_requested) in [("quiet", false), ("mandatory", true), ("quiet", false)] {
        let (meanings, passed) = read(&mut reader, Side::Server, &returned(key));
        if is_requested {
            assert_eq!((meanings, passed), (vec![unroutable(key)], returned(key)));
        } else {
            assert_eq!((meanings, passed), (vec![Meaning::AnswerToTap(Some(Box::new(unroutable(key))))], Vec::new()));
        }
    }
}

#[test]
fn acknowledgement_of_several_deliveries_names_each_of_them() {
    let mut reader = reader();
    for number in 1..=4 {
        let frames = [vec![delivery(1, number, "q")], content_frames(1, "")].concat().concat();
        let (meanings, _) = read(&mut reader, Side::Server, &frames);
        let tag = Some(format!("1:{number}"));
        assert_eq!(meanings, [Meaning::Delivered { content: content("q", ""), tag }]);
    }
    let mut settled = |number, multiple| match read(&mut reader, Side::Client, &acknowledgement(1, number, multiple)).0
    {
        meanings if meanings.len() == 1 => match meanings.into_iter().next() {
            Some(Meaning::Acknowledged(tags)) => tags,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(settled(2, 0), ["1:2"]);
    assert_eq!(settled(3, 1), ["1:1", "1:3"]);
    assert_eq!(settled(0, 1), ["1:4"]);
}

#[test]
fn consumer_exists_when_the_broker_has_confirmed_it_until_its_channel_ends() {
    let mut reader = reader();
    let automatic = 0b0010;
    let mut arguments = vec![0, 0];
    push_short_text(&mut arguments, "orders");
    push_short_text(&mut arguments, "");
    arguments.push(automatic);
    push_long_bytes(&mut arguments, &[]);
    let request = frame(FrameKind::Method, 1, &method(CONSUME, &arguments));
    assert_eq!(read(&mut reader, Side::Client, &request).0, []);
    let confirmed = method_frame(1, CONSUME_OK, &["consumer"], &[], &[]);
    let subscribed = Meaning::Subscribed { id: "1:consumer".to_owned(), pattern: "orders".to_owned() };
    assert_eq!(read(&mut reader, Side::Server, &confirmed).0, [subscribed]);
    let delivered = [vec![delivery(1, 1, "orders")], content_frames(1, "")].concat().concat();
    let without_tag = Meaning::Delivered { content: content("orders", ""), tag: None };
    assert_eq!(read(&mut reader, Side::Server, &delivered).0, [without_tag]);
    let closed = method_frame(1, CHANNEL_CLOSE, &[""], &[0, 200], &[0, 0, 0, 0]);
    let ended = vec![Meaning::Unsubscribed { id: "1:consumer".to_owned() }, Meaning::Returned(Vec::new())];
    assert_eq!(read(&mut reader, Side::Client, &closed).0, [Meaning::Several(ended)]);
}

#[test]
fn bytes_of_another_protocol_are_foreign() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01\x02\x00", b"AMQP\x00\x01\x00\x00"] {
        assert!(matches!(AmqpReader::default().read(Side::Client, bytes), Reading::Foreign));
    }
    assert!(matches!(AmqpReader::default().read(Side::Client, b"AMQP"), Reading::Incomplete));
    let body_without_method = frame(FrameKind::ContentBody, 1, b"x");
    assert!(matches!(reader().read(Side::Client, &body_without_method), Reading::Foreign));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, kind in 1..4_u8, class in 0..100_u16, number in 0..130_u16) {
        let payload = [&class.to_be_bytes()[..], &number.to_be_bytes(), &bytes].concat();
        let kind = [FrameKind::Method, FrameKind::ContentHeader, FrameKind::ContentBody][usize::from(kind) - 1];
        for side in [Side::Client, Side::Server] {
            let mut reader = reader();
            let _ = reader.read(side, &bytes);
            let _ = reader.read(side, &publication(1, "", "a", 0));
            let _ = reader.read(side, &frame(kind, 1, &payload));
        }
    }
}
