//! Tests of the reader: packets of both versions, and any bytes.

use proptest::prelude::*;

use super::*;
use crate::messages::Content;
use crate::mqtt::connect::connection;
use crate::mqtt::fields::push_text;
use crate::mqtt::packet::packet;
use crate::mqtt::publish::{RETAIN, publication};

const CONNECT_3: &[u8] = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x00\x00\x03dev";

fn reader() -> MqttReader {
    MqttReader::new(None, Arc::default())
}

/// A reader of a connection on which the client has sent these bytes, beginning with its `CONNECT`.
fn connected(session: &[u8]) -> MqttReader {
    let mut reader = reader();
    read(&mut reader, Side::Client, session);
    reader
}

/// Reads all packets of some bytes that one side sends.
fn read(reader: &mut MqttReader, sender: Side, mut bytes: &[u8]) -> Vec<Meaning> {
    let mut meanings = Vec::new();
    while !bytes.is_empty() {
        match reader.read(sender, bytes) {
            Reading::Frame(frame) => {
                meanings.push(frame.meaning);
                bytes = &bytes[frame.length..];
            }
            other => panic!("{other:?} at {bytes:?}"),
        }
    }
    meanings
}

fn content(topic: &str, body: &str) -> Content {
    Content { topic: topic.to_owned(), body: body.as_bytes().to_vec(), ..Content::default() }
}

#[test]
fn messages_are_read_in_both_directions() {
    let mut reader = connected(CONNECT_3);
    let sent = b"\x30\x05\x00\x01ahi\x32\x07\x00\x01b\x00\x09yo\xc0\x00";
    assert_eq!(
        read(&mut reader, Side::Client, sent),
        [Meaning::Published(content("a", "hi")), Meaning::Published(content("b", "yo")), Meaning::Other]
    );
    let received = b"\x20\x02\x00\x00\x30\x05\x00\x01ahi\x3c\x07\x00\x01b\x00\x09yo\x30\x09\x00\x06$SYS/x7\xd0\x00";
    assert_eq!(
        read(&mut reader, Side::Server, received),
        [
            Meaning::Other,
            Meaning::Delivered { content: content("a", "hi"), tag: None },
            Meaning::Delivered { content: content("b", "yo"), tag: Some("9".to_owned()) },
            Meaning::Other,
            Meaning::Other,
        ]
    );
    let acknowledged = |tag: &str| Meaning::Acknowledged(vec![tag.to_owned()]);
    assert_eq!(
        read(&mut reader, Side::Client, b"\x40\x02\x00\x09\x50\x02\x00\x0a\x70\x02\x00\x0a"),
        [acknowledged("9"), acknowledged("10"), Meaning::Other]
    );
}

#[test]
fn granted_filters_are_subscriptions_and_refused_ones_are_not() {
    let mut reader = connected(CONNECT_3);
    let subscribe = packet(PacketType::Subscribe, 2, b"\x00\x01\x00\x01a\x00\x00\x01b\x01");
    assert_eq!(read(&mut reader, Side::Client, &subscribe), [Meaning::Other]);
    let of = |id: &str| Meaning::Unsubscribed { id: id.to_owned() };
    assert_eq!(
        read(&mut reader, Side::Server, b"\x90\x04\x00\x01\x00\x80"),
        [Meaning::Several(vec![of("a"), subscribed("a".to_owned())])]
    );
    read(&mut reader, Side::Client, &packet(PacketType::Unsubscribe, 2, b"\x00\x02\x00\x01a"));
    assert_eq!(read(&mut reader, Side::Server, b"\xb0\x02\x00\x02"), [Meaning::Several(vec![of("a")])]);
}

#[test]
fn kept_session_has_its_earlier_subscriptions() {
    let traces = Arc::<Traces>::default();
    let connect = b"\x10\x0f\x00\x04MQTT\x04\x00\x00\x00\x00\x03dev";
    let mut first = MqttReader::new(None, Arc::clone(&traces));
    read(&mut first, Side::Client, connect);
    read(&mut first, Side::Server, b"\x20\x02\x00\x00");
    read(&mut first, Side::Client, &packet(PacketType::Subscribe, 2, b"\x00\x01\x00\x01a\x01"));
    read(&mut first, Side::Server, b"\x90\x03\x00\x01\x01");
    let mut second = MqttReader::new(None, traces);
    read(&mut second, Side::Client, connect);
    assert_eq!(
        read(&mut second, Side::Server, b"\x20\x02\x01\x00"),
        [Meaning::Several(vec![subscribed("a".to_owned())])]
    );
}

#[test]
fn alias_stands_for_the_topic_in_each_direction() {
    let mut reader = connected(&connection("dev", None));
    let with_alias = |topic: &str, body: &[u8]| {
        let mut bytes = Vec::new();
        push_text(&mut bytes, topic);
        bytes.extend_from_slice(b"\x03\x23\x00\x07");
        bytes.extend_from_slice(body);
        packet(PacketType::Publish, RETAIN, &bytes)
    };
    let sent = [with_alias("a/b", b"1"), with_alias("", b"2")].concat();
    assert_eq!(
        read(&mut reader, Side::Client, &sent),
        ["1", "2"].map(|body| Meaning::Published(Content { wire_fields: vec![RETAIN], ..content("a/b", body) }))
    );
    assert_eq!(reader.traces.changes().retained, ["a/b"]);
    assert!(matches!(reader.read(Side::Server, &with_alias("", b"3")), Reading::Foreign));
}

#[test]
fn retained_messages_and_kept_sessions_are_left_on_the_server() {
    for (sent, expected) in [
        (CONNECT_3.to_vec(), None),
        ([CONNECT_3, b"\x31\x04\x00\x01a1"].concat(), Some("a test has retained messages")),
        ([CONNECT_3, b"\x31\x03\x00\x01a"].concat(), None),
        (
            b"\x10\x0f\x00\x04MQTT\x04\x00\x00\x00\x00\x03dev".to_vec(),
            Some("a client of a test has a session that outlasts its connection"),
        ),
        (
            b"\x10\x15\x00\x04MQTT\x04\x26\x00\x00\x00\x03dev\x00\x01a\x00\x011".to_vec(),
            Some("a test has retained messages"),
        ),
    ] {
        let reader = connected(&sent);
        assert_eq!(reader.traces.leftover(), Some("connections of a test are still open"));
        reader.traces.note_closed_connection();
        assert_eq!(reader.traces.leftover(), expected, "{sent:?}");
    }
}

#[test]
fn bytes_of_another_protocol_are_foreign_and_make_the_state_of_the_server_unknown() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        b"\x30\x05\x00\x01ahi",
        b"\x10\x0f\x00\x04MQTT\x06\x02\x00\x00\x00\x03dev",
    ] {
        let mut reader = reader();
        let reading = reader.read(Side::Client, bytes);
        assert!(matches!(reading, Reading::Foreign), "{reading:?}");
        reader.traces.note_closed_connection();
        assert!(reader.traces.doubt().is_some_and(|doubt| doubt.contains("not MQTT 3.1, 3.1.1 or 5")));
    }
}

proptest! {
    #[test]
    fn written_message_is_read_back_and_each_part_of_it_is_incomplete(
        topic in "[a-z]{1,8}(/[a-z]{1,8}){0,3}",
        headers in proptest::collection::vec(("[A-Za-z-]{0,10}", ".{0,10}"), 0..3),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        packet_id: u16,
    ) {
        let content = Content { topic, headers, body, ..Content::default() };
        let bytes = publication(&content, packet_id, 0);
        let mut reader = connected(&connection("dev", None));
        for part in 0..bytes.len() {
            let reading = reader.read(Side::Client, &bytes[..part]);
            prop_assert!(matches!(reading, Reading::Incomplete), "{reading:?}");
        }
        let reading = reader.read(Side::Server, &bytes);
        prop_assert!(matches!(&reading, Reading::Frame(Frame { length, meaning: Meaning::Delivered { content: read, tag }, .. })
            if *length == bytes.len() && *read == content && *tag == Some(packet_id.to_string())), "{reading:?}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(
        packets in proptest::collection::vec((0..16_u8, proptest::collection::vec(any::<u8>(), 0..20)), 0..20),
        is_version_5: bool,
    ) {
        let connect = if is_version_5 { connection("dev", None) } else { CONNECT_3.to_vec() };
        let mut reader = connected(&connect);
        for (flags, bytes) in packets {
            for packet_type in 1..16 {
                let packet = packet(PacketType::of(packet_type << 4).unwrap(), flags, &bytes);
                for side in [Side::Client, Side::Server] {
                    let _ = reader.read(side, &packet);
                    let _ = reader.read(side, &bytes);
                }
            }
        }
    }
}
