//! The frames of the NATS protocol (<https://docs.nats.io/reference/reference-protocols/nats-protocol>).

use std::collections::VecDeque;

use super::login::log_in_client;
use super::subject::{is_acknowledgement, is_internal};
use super::subscriptions::{Change, Subscriptions};
use crate::messages::{Content, Frame, FrameReader, MAX_MESSAGE_BYTES, Meaning, Reading, Side};
use crate::service::Login;

/// The longest line that is read. A server accepts 4 KiB by default, and sends longer lines only if it lists the servers of a cluster.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// The end of a line.
const LINE_END: &[u8] = b"\r\n";

/// The frame that the server answers with `PONG` when it has processed everything before it.
const PING: &[u8] = b"PING\r\n";

/// The first line of headers.
const HEADERS_VERSION: &str = "NATS/1.0";

/// Reads the frames of one connection.
#[derive(Debug)]
pub(super) struct NatsReader {
    /// The login for a client that sends none.
    login: Option<Login>,
    /// The pings that the server has not answered yet, in their order.
    pings: VecDeque<Ping>,
    subscriptions: Subscriptions,
}

/// A ping that the server answers.
#[derive(Debug)]
enum Ping {
    OfClient,
    /// The answer means that the server has processed this subscription.
    OfTap {
        id: String,
        pattern: String,
    },
    /// The client has ended the subscription before the answer, which the tap removes.
    Obsolete,
}

/// A line, and the length of the frame that it begins.
struct Line<'b> {
    words: Vec<&'b str>,
    length: usize,
}

impl FrameReader for NatsReader {
    fn read(&mut self, sender: Side, bytes: &[u8]) -> Reading {
        let Some(line) = line(bytes) else {
            return if bytes.len() > MAX_LINE_BYTES { Reading::Foreign } else { Reading::Incomplete };
        };
        let Some((verb, words)) = line.words.split_first() else {
            return Reading::Frame(Frame::new(line.length, Meaning::Other));
        };
        match (sender, verb.to_ascii_uppercase().as_str()) {
            (Side::Client, "PUB" | "HPUB") => message(sender, &line, words, bytes).unwrap_or(Reading::Foreign),
            (Side::Server, "MSG" | "HMSG") => {
                let reading = message(sender, &line, words, bytes).unwrap_or(Reading::Foreign);
                self.count_delivery(reading, words)
            }
            (Side::Client, "SUB") => self.subscription(words, line.length),
            (Side::Client, "UNSUB") => self.end_of_subscription(words, line.length),
            (Side::Client, "PING") => {
                self.pings.push_back(Ping::OfClient);
                Reading::Frame(Frame::new(line.length, Meaning::Other))
            }
            (Side::Server, "PONG") => {
                let meaning = match self.pings.pop_front() {
                    Some(Ping::OfTap { id, pattern }) => {
                        Meaning::AnswerToTap(Some(Box::new(Meaning::Subscribed { id, pattern })))
                    }
                    Some(Ping::Obsolete) => Meaning::AnswerToTap(None),
                    Some(Ping::OfClient) | None => Meaning::Other,
                };
                Reading::Frame(Frame::new(line.length, meaning))
            }
            (Side::Client, "CONNECT") => self.connect(&bytes[..line.length]),
            (Side::Client, "PONG") | (Side::Server, "INFO" | "+OK" | "-ERR" | "PING") => {
                Reading::Frame(Frame::new(line.length, Meaning::Other))
            }
            _ => Reading::Foreign,
        }
    }
}

impl NatsReader {
    pub(super) fn new(login: Option<Login>) -> Self {
        Self { login, pings: VecDeque::new(), subscriptions: Subscriptions::default() }
    }

    /// Reads `CONNECT {…}`.
    fn connect(&self, line: &[u8]) -> Reading {
        let mut frame = Frame::new(line.len(), Meaning::Other);
        let options = std::str::from_utf8(line).ok().and_then(|line| line.split_once(' '));
        let options = options.zip(self.login.as_ref()).and_then(|((_, options), login)| log_in_client(options, login));
        frame.replacement = options.map(|options| format!("CONNECT {options}\r\n").into_bytes());
        Reading::Frame(frame)
    }

    /// Reads `SUB pattern [queue group] id`. The tap sends a ping after it, because the answer shows that the server has
    /// processed the subscription.
    fn subscription(&mut self, words: &[&str], length: usize) -> Reading {
        let ([pattern, id] | [pattern, _, id]) = words else { return Reading::Foreign };
        let mut frame = Frame::new(length, Meaning::Other);
        if !is_internal(pattern) {
            self.subscriptions.add(id);
            self.pings.push_back(Ping::OfTap { id: (*id).to_owned(), pattern: (*pattern).to_owned() });
            frame.followed_by = PING;
        }
        Reading::Frame(frame)
    }

    /// Reads `UNSUB id [number]`. With a number, the server ends the subscription when it has delivered this many messages.
    fn end_of_subscription(&mut self, words: &[&str], length: usize) -> Reading {
        let (id, max_messages) = match words {
            [id] => (*id, None),
            [id, number] => match number.parse() {
                Ok(number) => (*id, Some(number)),
                Err(_) => return Reading::Foreign,
            },
            _ => return Reading::Foreign,
        };
        let change = self.subscriptions.end(id, max_messages);
        Reading::Frame(Frame::new(length, self.meaning_of_change(change, id).unwrap_or(Meaning::Other)))
    }

    /// Counts a delivery, whose words are `subject id [reply] size…`. The last one of a subscription also means its end.
    fn count_delivery(&mut self, mut reading: Reading, words: &[&str]) -> Reading {
        if let (Reading::Frame(frame), Some(id)) = (&mut reading, words.get(1)) {
            let change = self.subscriptions.count_message(id);
            if let Some(end) = self.meaning_of_change(change, id) {
                let delivery = std::mem::replace(&mut frame.meaning, Meaning::Other);
                frame.meaning = Meaning::Several(vec![delivery, end]);
            }
        }
        reading
    }

    /// The meaning of the end of a subscription.
    fn meaning_of_change(&mut self, change: Change, id: &str) -> Option<Meaning> {
        if change == Change::Lasts {
            return None;
        }
        for ping in &mut self.pings {
            if matches!(ping, Ping::OfTap { id: confirmed, .. } if confirmed == id) {
                *ping = Ping::Obsolete;
            }
        }
        Some(Meaning::Unsubscribed { id: id.to_owned() })
    }
}

/// The first line, if all of it is there.
fn line(bytes: &[u8]) -> Option<Line<'_>> {
    let end = bytes.windows(LINE_END.len()).position(|window| window == LINE_END)?;
    let words = std::str::from_utf8(&bytes[..end]).unwrap_or_default().split_ascii_whitespace().collect();
    Some(Line { words, length: end + LINE_END.len() })
}

/// Reads a message that is published or delivered. `None` if the line is malformed.
fn message(sender: Side, line: &Line<'_>, words: &[&str], bytes: &[u8]) -> Option<Reading> {
    let has_headers = matches!(line.words[0].as_bytes(), [b'H' | b'h', ..]);
    let (head, sizes) = words.split_at_checked(words.len().checked_sub(if has_headers { 2 } else { 1 })?)?;
    let (topic, reply) = match (sender, head) {
        (Side::Client, [topic]) | (Side::Server, [topic, _]) => (*topic, None),
        (Side::Client, [topic, reply]) | (Side::Server, [topic, _, reply]) => (*topic, Some(*reply)),
        _ => return None,
    };
    let sizes: Vec<usize> = sizes.iter().map(|size| size.parse().ok()).collect::<Option<_>>()?;
    let (headers, all) = if let [headers, all] = sizes[..] { (headers, all) } else { (0, *sizes.first()?) };
    let payload_end = line.length.checked_add(all)?;
    let length = payload_end.checked_add(LINE_END.len())?;
    if length > MAX_MESSAGE_BYTES {
        return Some(Reading::TooLong);
    }
    if bytes.len() < length {
        return Some(Reading::Incomplete);
    }
    let payload = &bytes[line.length..payload_end];
    let (headers, body) = payload.split_at_checked(headers)?;
    // A copy of a message asks for a reply as well. It is no second delivery of a stream.
    let wire_fields = reply.filter(|reply| !is_acknowledgement(reply)).map(|reply| reply.as_bytes().to_vec());
    let (topic, wire_fields) = (topic.to_owned(), wire_fields.unwrap_or_default());
    let content =
        Content { topic, headers: parse_headers(headers), body: body.to_vec(), wire_fields, ..Content::default() };
    let meaning = match sender {
        Side::Client if is_acknowledgement(&content.topic) => acknowledgement(&content.topic, body),
        _ if is_internal(&content.topic) => Meaning::Other,
        Side::Client => Meaning::Published(content),
        Side::Server => {
            let tag = reply.filter(|reply| is_acknowledgement(reply)).map(str::to_owned);
            Meaning::Delivered { content, tag }
        }
    };
    Some(Reading::Frame(Frame::new(length, meaning)))
}

/// A message to `$JS.ACK.…`: the acknowledgement of a delivery, its rejection, or the message `+WPI` of a client that still works
/// on the delivery.
fn acknowledgement(tag: &str, body: &[u8]) -> Meaning {
    if body.starts_with(b"+WPI") { Meaning::Other } else { Meaning::Acknowledged(vec![tag.to_owned()]) }
}

fn parse_headers(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// The frame with which a client publishes a message.
pub(super) fn publication(content: &Content) -> Vec<u8> {
    let Content { topic, headers, body, wire_fields, .. } = content;
    let reply = String::from_utf8_lossy(wire_fields);
    let subjects = if reply.is_empty() { topic.clone() } else { format!("{topic} {reply}") };
    let mut frame = Vec::with_capacity(body.len() + 128);
    if headers.is_empty() {
        frame.extend_from_slice(format!("PUB {subjects} {}\r\n", body.len()).as_bytes());
    } else {
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let headers = format!("{HEADERS_VERSION}\r\n{}\r\n", lines.concat());
        let line = format!("HPUB {subjects} {} {}\r\n", headers.len(), headers.len() + body.len());
        frame.extend_from_slice(line.as_bytes());
        frame.extend_from_slice(headers.as_bytes());
    }
    frame.extend_from_slice(body);
    frame.extend_from_slice(LINE_END);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads all frames of some bytes that one side sends.
    fn read(reader: &mut NatsReader, sender: Side, mut bytes: &[u8]) -> Vec<Meaning> {
        let mut meanings = Vec::new();
        while let Reading::Frame(frame) = reader.read(sender, bytes) {
            meanings.push(frame.meaning);
            bytes = &bytes[frame.length..];
        }
        assert_eq!(bytes, b"", "unread");
        meanings
    }

    fn content(topic: &str, body: &str) -> Content {
        Content { topic: topic.to_owned(), body: body.as_bytes().to_vec(), ..Content::default() }
    }

    #[test]
    fn messages_are_read_in_both_directions() {
        let mut reader = NatsReader::new(None);
        let sent = b"CONNECT {}\r\nPUB a.b 2\r\nhi\r\npub c _INBOX.1 0\r\n\r\nPUB _INBOX.7 2\r\nok\r\n";
        assert_eq!(
            read(&mut reader, Side::Client, sent),
            [
                Meaning::Other,
                Meaning::Published(content("a.b", "hi")),
                Meaning::Published(Content { wire_fields: b"_INBOX.1".to_vec(), ..content("c", "") }),
                Meaning::Other
            ]
        );
        let headers = "NATS/1.0\r\nTrace: 7\r\n\r\n";
        let received = format!(
            "INFO {{}}\r\nMSG a 1 2\r\nhi\r\nHMSG b 2 $JS.ACK.s.c.1 {} {}\r\n{headers}yo\r\n",
            headers.len(),
            headers.len() + 2
        );
        let with_header = Content { headers: vec![("Trace".to_owned(), "7".to_owned())], ..content("b", "yo") };
        assert_eq!(
            read(&mut reader, Side::Server, received.as_bytes()),
            [
                Meaning::Other,
                Meaning::Delivered { content: content("a", "hi"), tag: None },
                Meaning::Delivered { content: with_header, tag: Some("$JS.ACK.s.c.1".to_owned()) },
            ]
        );
    }

    #[test]
    fn acknowledgement_ends_a_delivery_and_progress_does_not() {
        let sent = b"PUB $JS.ACK.s.c.1 4\r\n+WPI\r\nPUB $JS.ACK.s.c.1 4\r\n+ACK\r\nPUB $JS.ACK.s.c.2 4\r\n-NAK\r\n";
        let acknowledged = |tag: &str| Meaning::Acknowledged(vec![tag.to_owned()]);
        assert_eq!(
            read(&mut NatsReader::new(None), Side::Client, sent),
            [Meaning::Other, acknowledged("$JS.ACK.s.c.1"), acknowledged("$JS.ACK.s.c.2")]
        );
    }

    #[test]
    fn subscription_exists_when_the_server_has_answered_the_ping_of_the_tap() {
        let mut reader = NatsReader::new(None);
        read(&mut reader, Side::Client, b"PING\r\nSUB a.* workers 1\r\nSUB _INBOX.1.* 2\r\nPING\r\n");
        let subscription = Meaning::Subscribed { id: "1".to_owned(), pattern: "a.*".to_owned() };
        assert_eq!(
            read(&mut reader, Side::Server, b"PONG\r\nPONG\r\nPONG\r\n"),
            [Meaning::Other, Meaning::AnswerToTap(Some(Box::new(subscription))), Meaning::Other]
        );
        let ended = read(&mut reader, Side::Client, b"UNSUB 1\r\n");
        assert_eq!(ended, [Meaning::Unsubscribed { id: "1".to_owned() }]);
    }

    #[test]
    fn subscription_that_ends_by_itself_ends_with_its_last_delivery() {
        let mut reader = NatsReader::new(None);
        assert_eq!(read(&mut reader, Side::Client, b"SUB a 1\r\nUNSUB 1 2\r\n"), [Meaning::Other, Meaning::Other]);
        let delivered = |body: &str| Meaning::Delivered { content: content("a", body), tag: None };
        let end = Meaning::Unsubscribed { id: "1".to_owned() };
        // The messages of other subscriptions do not count.
        assert_eq!(
            read(&mut reader, Side::Server, b"PONG\r\nMSG a 2 1\r\nx\r\nMSG a 1 1\r\ny\r\nMSG a 1 1\r\nz\r\n"),
            [
                Meaning::AnswerToTap(Some(Box::new(Meaning::Subscribed {
                    id: "1".to_owned(),
                    pattern: "a".to_owned()
                }))),
                delivered("x"),
                delivered("y"),
                Meaning::Several(vec![delivered("z"), end]),
            ]
        );
    }

    #[test]
    fn subscription_that_ends_before_the_server_has_answered_does_not_begin() {
        let mut reader = NatsReader::new(None);
        read(&mut reader, Side::Client, b"SUB a 1\r\nSUB a 2\r\nUNSUB 1\r\n");
        let second = Meaning::Subscribed { id: "2".to_owned(), pattern: "a".to_owned() };
        assert_eq!(
            read(&mut reader, Side::Server, b"PONG\r\nPONG\r\n"),
            [Meaning::AnswerToTap(None), Meaning::AnswerToTap(Some(Box::new(second)))]
        );
    }

    #[test]
    fn bytes_of_another_protocol_are_foreign() {
        for bytes in [
            &b"\x16\x03\x01\x02\r\n"[..],
            b"GET / HTTP/1.1\r\n",
            b"PUB a\r\n",
            b"PUB a -1\r\n",
            b"SUB\r\n",
            b"UNSUB 1 x\r\n",
        ] {
            let reading = NatsReader::new(None).read(Side::Client, bytes);
            assert!(matches!(reading, Reading::Foreign), "{reading:?}");
        }
    }

    proptest! {
        #[test]
        fn written_message_is_read_back_and_each_part_of_it_is_incomplete(
            topic in "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}",
            headers in proptest::collection::vec(("[A-Za-z-]{1,10}", "[a-z0-9]{0,10}"), 0..3),
            body in proptest::collection::vec(any::<u8>(), 0..100),
            reply in "([a-z]{1,8})?",
        ) {
            let content = Content { topic, headers, body, wire_fields: reply.into_bytes(), ..Content::default() };
            let frame = publication(&content);
            let reading = NatsReader::new(None).read(Side::Client, &frame);
            prop_assert!(matches!(&reading, Reading::Frame(Frame { length, meaning: Meaning::Published(read), .. })
                if *length == frame.len() && *read == content), "{reading:?}");
            for part in 0..frame.len() {
                let reading = NatsReader::new(None).read(Side::Client, &frame[..part]);
                prop_assert!(matches!(reading, Reading::Incomplete), "{reading:?}");
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), verb in 0..5_usize) {
            let verb = ["PUB ", "HPUB a 5 2\r\n", "MSG a 1 ", "SUB ", ""][verb].as_bytes();
            let bytes = [verb, &bytes, b"\r\n"].concat();
            for side in [Side::Client, Side::Server] {
                let _ = NatsReader::new(None).read(side, &bytes);
            }
        }
    }
}
