//! The messages of PostgreSQL's protocol, version 3, as far as a proxy must understand them.

use crate::proxy::recorder::StatementError;

/// How many bytes of a message are read before it is decided what happens to it. A longer message passes in parts.
pub(super) const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The code of a request for TLS in the first message of a connection.
const SSL_REQUEST: u32 = 80_877_103;

/// The code of a request for encryption by GSSAPI.
const GSS_REQUEST: u32 = 80_877_104;

/// The code of a request to cancel a statement of another connection.
const CANCEL_REQUEST: u32 = 80_877_102;

/// A message whose beginning is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message<'b> {
    /// The letter of its type.
    pub(super) kind: u8,
    /// The payload, or its first bytes.
    pub(super) payload: &'b [u8],
    /// The length of the whole message, its head included.
    pub(super) bytes: u64,
}

/// A message at the beginning of a connection, which has no letter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FirstMessage {
    /// The client asks for encryption, and waits for one byte.
    Encryption,
    /// The client cancels a statement of another connection.
    Cancel { bytes: u64 },
    /// The session begins.
    Startup { bytes: u64 },
}

/// Reads the first message of a connection. None if more bytes are needed.
pub(super) fn first_message(bytes: &[u8]) -> Option<FirstMessage> {
    let length = u64::from(number(bytes)?);
    Some(match number(bytes.get(4..)?)? {
        SSL_REQUEST | GSS_REQUEST => FirstMessage::Encryption,
        CANCEL_REQUEST => FirstMessage::Cancel { bytes: length.max(8) },
        _ => FirstMessage::Startup { bytes: length.max(8) },
    })
}

/// The types of messages, in both directions, whose payload is needed. Of the others, only the head is read.
const NEEDED: [u8; 7] = *b"BCEFPQZ";

/// Reads the message at the beginning of these bytes. None if more bytes are needed.
pub(super) fn message(bytes: &[u8]) -> Option<Message<'_>> {
    let (&kind, rest) = bytes.split_first()?;
    // The length contains its own four bytes.
    let length = number(rest)?.max(4) as usize - 4;
    let payload = rest.get(4..)?;
    let head = if NEEDED.contains(&kind) { length.min(MAX_HEAD_BYTES) } else { 0 };
    let payload = payload.get(..head)?;
    Some(Message { kind, payload, bytes: 5 + length as u64 })
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|number| u32::from_be_bytes(*number))
}

/// The text up to the next zero byte, and the bytes behind it. Without a zero byte, the text was too long and is all that is known.
pub(super) fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), bytes.get(end + 1..).unwrap_or_default())
}

/// Reads the payload of an error: fields of a letter and a text.
pub(super) fn server_error(payload: &[u8]) -> StatementError {
    let (mut error, mut rest) = (StatementError { code: String::new(), text: String::new() }, payload);
    while let Some((&field, after)) = rest.split_first() {
        if field == 0 {
            break;
        }
        let (value, next) = text(after);
        match field {
            b'C' => error.code = value,
            b'M' => error.text = value,
            _ => {}
        }
        rest = next;
    }
    error
}

/// The number of rows in the tag of a completed command: 3 in `INSERT 0 3`.
pub(super) fn rows_of_tag(tag: &str) -> u64 {
    tag.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn message_is_read_when_its_head_is_complete() {
        let bytes = b"Q\0\0\0\x0dSELECT 1\0rest";
        for length in 0..14 {
            assert_eq!(message(&bytes[..length]), None, "{length}");
        }
        let expected = Message { kind: b'Q', payload: b"SELECT 1\0", bytes: 14 };
        assert_eq!(message(bytes), Some(expected));
    }

    #[test]
    fn long_message_is_known_by_its_beginning() {
        let mut bytes = vec![b'Q', 0, 1, 0, 5];
        bytes.extend(vec![7; MAX_HEAD_BYTES]);
        let read = message(&bytes).unwrap();
        assert_eq!((read.payload.len(), read.bytes), (MAX_HEAD_BYTES, 5 + 65_537));
    }

    #[test]
    fn row_is_read_when_its_length_is_known() {
        let expected = Message { kind: b'D', payload: b"", bytes: 10 };
        assert_eq!(message(b"D\0\0\0\x09ab"), Some(expected));
    }

    #[test]
    fn first_message_is_known_by_its_code() {
        let first = |code: u32| [&16_u32.to_be_bytes()[..], &code.to_be_bytes()].concat();
        assert_eq!(first_message(&first(SSL_REQUEST)), Some(FirstMessage::Encryption));
        assert_eq!(first_message(&first(CANCEL_REQUEST)), Some(FirstMessage::Cancel { bytes: 16 }));
        assert_eq!(first_message(&first(196_608)), Some(FirstMessage::Startup { bytes: 16 }));
        assert_eq!(first_message(&first(196_608)[..7]), None);
    }

    #[test]
    fn error_has_its_code_and_text() {
        let expected = StatementError { code: "23505".to_owned(), text: "it exists".to_owned() };
        assert_eq!(server_error(b"SERROR\0C23505\0Mit exists\0\0"), expected);
    }

    #[test]
    fn rows_are_counted_by_the_tag() {
        let rows = ["INSERT 0 3", "SELECT 12", "BEGIN", ""].map(rows_of_tag);
        assert_eq!(rows, [3, 12, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(message) = message(&bytes) {
                prop_assert!(message.bytes >= 5);
            }
            let _ = (first_message(&bytes), server_error(&bytes), text(&bytes));
        }
    }
}
