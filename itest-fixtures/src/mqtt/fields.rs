//! The fields of packets that only MQTT has.

use crate::messages::Fields;

impl<'b> Fields<'b> {
    /// A number in one to four bytes. Each byte contains seven bits of the number, and a bit that says whether another byte follows.
    pub(super) fn variable(&mut self) -> Option<usize> {
        let mut number = 0;
        for position in 0..4 {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Bytes with their length in front.
    pub(super) fn binary(&mut self) -> Option<&'b [u8]> {
        let length = self.two_bytes()?;
        self.take(length.into())
    }

    pub(super) fn text(&mut self) -> Option<&'b str> {
        std::str::from_utf8(self.binary()?).ok()
    }
}

/// Appends a number in one to four bytes. A packet has at most 268,435,455 bytes.
pub(super) fn push_variable(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let [low, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Appends a text with its length in front. The caller has checked that its length fits in two bytes.
pub(super) fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&text.as_bytes()[..length.into()]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn written_fields_are_read_back(number in 0..0x1000_0000_usize, text in ".{0,50}") {
            let mut bytes = Vec::new();
            push_variable(&mut bytes, number);
            push_text(&mut bytes, &text);
            let mut fields = Fields::new(&bytes);
            prop_assert_eq!(fields.variable(), Some(number));
            prop_assert_eq!(fields.text(), Some(text.as_str()));
            prop_assert!(fields.is_empty());
        }
    }

    #[test]
    fn number_has_at_most_four_bytes() {
        assert_eq!(Fields::new(&[0xff, 0xff, 0xff, 0x7f]).variable(), Some(268_435_455));
        assert_eq!(Fields::new(&[0xff, 0xff, 0xff, 0xff, 1]).variable(), None);
    }
}
