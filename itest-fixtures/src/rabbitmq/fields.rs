//! The fields of methods and properties of AMQP 0-9-1.

use std::fmt::Write as _;

use crate::messages::Fields;

impl<'b> Fields<'b> {
    pub(super) fn eight_bytes(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// A text of at most 255 bytes.
    pub(super) fn short_text(&mut self) -> Option<&'b str> {
        let length = self.byte()?;
        std::str::from_utf8(self.take(length.into())?).ok()
    }

    /// Bytes with their length in four bytes in front.
    pub(super) fn long_bytes(&mut self) -> Option<&'b [u8]> {
        let length = self.four_bytes()?;
        self.take(length as usize)
    }

    /// The entries of a table, with their values as text.
    pub(super) fn table(&mut self) -> Option<Vec<(String, String)>> {
        let mut entries = Vec::new();
        let mut fields = Fields::new(self.long_bytes()?);
        while !fields.is_empty() {
            let name = fields.short_text()?.to_owned();
            entries.push((name, fields.value(0)?));
        }
        Some(entries)
    }

    /// A value of a table as text. Its first byte is its type, as RabbitMQ defines the types.
    fn value(&mut self, depth: usize) -> Option<String> {
        // A deeper value of a hostile client would use up the stack.
        const MAX_DEPTH: usize = 32;
        if depth > MAX_DEPTH {
            return None;
        }
        let number = |bytes: &[u8]| {
            let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
            let begin = if negative { -1 } else { 0 };
            bytes.iter().fold(begin, |number: i64, byte| (number << 8) | i64::from(*byte))
        };
        Some(match self.byte()? {
            b't' => (self.byte()? != 0).to_string(),
            b'b' => number(self.take(1)?).to_string(),
            b'B' => self.byte()?.to_string(),
            b's' => number(self.take(2)?).to_string(),
            b'u' => self.two_bytes()?.to_string(),
            b'I' => number(self.take(4)?).to_string(),
            b'i' => self.four_bytes()?.to_string(),
            b'l' => number(self.take(8)?).to_string(),
            b'L' | b'T' => self.eight_bytes()?.to_string(),
            b'f' => f32::from_be_bytes(self.take(4)?.try_into().ok()?).to_string(),
            b'd' => f64::from_be_bytes(self.take(8)?.try_into().ok()?).to_string(),
            b'D' => {
                let (digits, number) = (self.byte()?, number(self.take(4)?));
                format!("{number}e-{digits}")
            }
            b'S' | b'x' => String::from_utf8_lossy(self.long_bytes()?).into_owned(),
            b'V' => String::new(),
            b'A' => self.array(depth + 1)?,
            b'F' => self.nested_table(depth + 1)?,
            _ => return None,
        })
    }

    fn array(&mut self, depth: usize) -> Option<String> {
        let mut fields = Fields::new(self.long_bytes()?);
        let mut values = Vec::new();
        while !fields.is_empty() {
            values.push(fields.value(depth)?);
        }
        Some(format!("[{}]", values.join(", ")))
    }

    fn nested_table(&mut self, depth: usize) -> Option<String> {
        let mut fields = Fields::new(self.long_bytes()?);
        let mut text = String::new();
        while !fields.is_empty() {
            let name = fields.short_text()?;
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{name}: {}", fields.value(depth)?);
        }
        Some(format!("{{{text}}}"))
    }
}

/// Appends a text of at most 255 bytes. The caller has checked its length.
pub(super) fn push_short_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    bytes.push(length);
    bytes.extend_from_slice(&text.as_bytes()[..length.into()]);
}

/// Appends bytes with their length in four bytes in front.
pub(super) fn push_long_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(value);
}

/// Appends a text as a value of a table.
pub(super) fn push_text_value(bytes: &mut Vec<u8>, name: &str, value: &str) {
    push_short_text(bytes, name);
    bytes.push(b'S');
    push_long_bytes(bytes, value.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_all_types_are_read() {
        let mut inside = Vec::new();
        push_text_value(&mut inside, "text", "yes");
        for (name, value) in [
            ("bool", &b"t\x01"[..]),
            ("int8", b"b\xff"),
            ("int16", b"s\xff\xfe"),
            ("int32", b"I\x00\x00\x00\x07"),
            ("int64", b"l\xff\xff\xff\xff\xff\xff\xff\xfd"),
            ("time", b"T\x00\x00\x00\x00\x00\x00\x00\x05"),
            ("none", b"V"),
            ("list", b"A\x00\x00\x00\x04b\x01b\x02"),
            ("table", b"F\x00\x00\x00\x04\x01ab\x03"),
            ("decimal", b"D\x02\x00\x00\x00\x7b"),
        ] {
            push_short_text(&mut inside, name);
            inside.extend_from_slice(value);
        }
        let mut bytes = Vec::new();
        push_long_bytes(&mut bytes, &inside);
        let entries = Fields::new(&bytes).table().unwrap();
        let entries: Vec<_> = entries.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("text", "yes"),
            ("bool", "true"),
            ("int8", "-1"),
            ("int16", "-2"),
            ("int32", "7"),
            ("int64", "-3"),
            ("time", "5"),
            ("none", ""),
            ("list", "[1, 2]"),
            ("table", "{a: 3}"),
            ("decimal", "123e-2"),
        ];
        assert_eq!(entries, expected);
    }

    #[test]
    fn value_that_is_nested_too_deeply_is_refused() {
        let mut value = b"V".to_vec();
        for _ in 0..100 {
            let mut outer = b"A".to_vec();
            push_long_bytes(&mut outer, &value);
            value = outer;
        }
        assert_eq!(Fields::new(&value).value(0), None);
    }
}
