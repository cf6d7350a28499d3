//! Reads the message that follows DATA (RFC 5321, section 4.5.2), and refuses line ends that could smuggle a second mail.

/// Reads a message byte by byte, and keeps at most as many bytes as the server accepts.
#[derive(Debug)]
pub(super) struct MessageReader {
    position: Position,
    message: Vec<u8>,
    max_bytes: usize,
    /// The number of bytes, also of those that were not kept.
    bytes: u64,
}

/// The position in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    LineStart,
    /// After a dot at the beginning of a line.
    Dot,
    /// After a dot at the beginning of a line, and CR.
    DotCr,
    InLine,
    Cr,
}

/// How a message has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MessageEnd {
    Complete(Vec<u8>),
    /// The message has this many bytes, and is larger than the server accepts.
    TooLarge(u64),
    /// A line ends with CR or LF alone. Servers disagree whether that is the end of a line, so a second mail could be smuggled in.
    BareLineEnd(&'static str),
}

impl MessageReader {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { position: Position::LineStart, message: Vec::new(), max_bytes, bytes: 0 }
    }

    /// Reads bytes. Returns how many of them belong to the message, and its end if they contain it.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, Option<MessageEnd>) {
        let mut read = 0;
        while let Some(&byte) = bytes.get(read) {
            if self.position == Position::InLine {
                let end = bytes[read..].iter().position(|byte| matches!(byte, b'\r' | b'\n'));
                let end = end.map_or(bytes.len(), |length| read + length);
                self.keep(&bytes[read..end]);
                read = end;
                if end == bytes.len() {
                    break;
                }
            } else if let Some(end) = self.read_byte(byte) {
                return (read + 1, Some(end));
            } else {
                read += 1;
                continue;
            }
            match bytes[read] {
                b'\r' => self.position = Position::Cr,
                _ => return (read + 1, Some(MessageEnd::BareLineEnd("LF"))),
            }
            read += 1;
        }
        (read, None)
    }

    /// Reads a byte that is not within a line.
    fn read_byte(&mut self, byte: u8) -> Option<MessageEnd> {
        match (self.position, byte) {
            (Position::DotCr, b'\n') => return Some(self.end()),
            (Position::Cr, b'\n') => {
                self.keep(b"\r\n");
                self.position = Position::LineStart;
            }
            (Position::Cr | Position::DotCr, _) => return Some(MessageEnd::BareLineEnd("CR")),
            (_, b'\n') => return Some(MessageEnd::BareLineEnd("LF")),
            (Position::Dot, b'\r') => self.position = Position::DotCr,
            (_, b'\r') => self.position = Position::Cr,
            (Position::LineStart, b'.') => self.position = Position::Dot,
            // A client adds a dot to a line that begins with one, so the first dot is left out.
            _ => {
                self.keep(&[byte]);
                self.position = Position::InLine;
            }
        }
        None
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.bytes <= self.max_bytes as u64 {
            self.message.extend_from_slice(bytes);
        } else {
            // The message is refused, so its beginning is not needed any more.
            self.message = Vec::new();
        }
    }

    fn end(&mut self) -> MessageEnd {
        if self.bytes > self.max_bytes as u64 {
            return MessageEnd::TooLarge(self.bytes);
        }
        MessageEnd::Complete(std::mem::take(&mut self.message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The end of a message that arrives in parts of this size, and the bytes that follow it.
    fn read(bytes: &[u8], part: usize, max_bytes: usize) -> (Option<MessageEnd>, Vec<u8>) {
        let mut reader = MessageReader::new(max_bytes);
        let mut total = 0;
        for part in bytes.chunks(part) {
            let (read, end) = reader.read(part);
            total += read;
            if end.is_some() {
                return (end, bytes[total..].to_vec());
            }
            assert_eq!(read, part.len());
        }
        (None, Vec::new())
    }

    /// As clients send a message: a dot is added to each line that begins with one.
    fn as_sent(lines: &[String]) -> Vec<u8> {
        let stuffed = lines.iter().map(|line| if line.starts_with('.') { format!(".{line}") } else { line.clone() });
        let mut sent: String = stuffed.map(|line| line + "\r\n").collect();
        sent.push_str(".\r\nQUIT\r\n");
        sent.into_bytes()
    }

    proptest! {
        #[test]
        fn message_arrives_unchanged_whatever_its_parts(
            lines in proptest::collection::vec("[.a\u{e9} ]{0,4}", 0..6),
            part in 1..9_usize,
        ) {
            let (end, rest) = read(&as_sent(&lines), part, 1_000);
            let expected = lines.iter().map(|line| format!("{line}\r\n")).collect::<Vec<_>>().concat();
            prop_assert_eq!(end, Some(MessageEnd::Complete(expected.into_bytes())));
            prop_assert_eq!(rest, b"QUIT\r\n");
        }

        #[test]
        fn any_bytes_are_read_or_refused_in_the_same_way_whatever_their_parts(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), any::<u8>()], 0..40),
            part in 1..9_usize,
        ) {
            prop_assert_eq!(read(&bytes, part, 20), read(&bytes, bytes.len().max(1), 20));
        }
    }

    #[test]
    fn line_end_that_could_smuggle_a_mail_is_refused() {
        for (bytes, character) in [
            (&b"a\n.\r\nMAIL"[..], "LF"),
            (b"a\n.\n", "LF"),
            (b"a\r\n.\n", "LF"),
            (b"a\r.\r\n", "CR"),
            (b"a\r\n.\r.\r\n", "CR"),
            (b"\n", "LF"),
        ] {
            let (end, _) = read(bytes, 1, 100);
            assert_eq!(end, Some(MessageEnd::BareLineEnd(character)), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn message_above_the_limit_is_counted_and_not_kept() {
        let mut reader = MessageReader::new(10);
        let line = [&[b'x'; 78][..], b"\r\n"].concat();
        for _ in 0..1_000 {
            assert_eq!(reader.read(&line), (80, None));
        }
        assert_eq!(reader.message.capacity(), 0);
        assert_eq!(reader.read(b".\r\n"), (3, Some(MessageEnd::TooLarge(80_000))));
    }
}
