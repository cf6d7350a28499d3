//! The fields of Kafka's requests and responses.

use crate::messages::Fields;

/// Writes the fields of a request.
#[derive(Debug, Default)]
pub(super) struct Request(Vec<u8>);

impl Request {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn i8(mut self, value: i8) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i16(mut self, value: i16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i32(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn i64(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn string(self, text: &str) -> Self {
        let mut request = self.i16(i16::try_from(text.len()).unwrap_or(i16::MAX));
        request.0.extend_from_slice(text.as_bytes());
        request
    }

    pub(super) fn null_string(self) -> Self {
        self.i16(-1)
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let mut request = self.length(bytes.len());
        request.0.extend_from_slice(bytes);
        request
    }

    /// An array, whose items `write` writes one after the other.
    pub(super) fn array<T>(
        self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        write: impl Fn(Self, T) -> Self,
    ) -> Self {
        let items = items.into_iter();
        let request = self.length(items.len());
        items.fold(request, write)
    }

    pub(super) fn null_array(self) -> Self {
        self.i32(-1)
    }

    fn length(self, length: usize) -> Self {
        self.i32(i32::try_from(length).unwrap_or(i32::MAX))
    }
}

/// Reads the fields of a response. Each method returns `None` if the bytes have no such field.
#[derive(Debug, Clone)]
pub(super) struct Response<'b>(Fields<'b>);

impl<'b> Response<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(Fields::new(bytes))
    }

    pub(super) fn rest(&self) -> &'b [u8] {
        self.0.rest()
    }

    pub(super) fn i8(&mut self) -> Option<i8> {
        self.0.byte().map(u8::cast_signed)
    }

    pub(super) fn i16(&mut self) -> Option<i16> {
        self.0.two_bytes().map(u16::cast_signed)
    }

    pub(super) fn i32(&mut self) -> Option<i32> {
        self.0.four_bytes().map(u32::cast_signed)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.0.take(8)?.try_into().ok()?))
    }

    /// A text, which is empty if it is null.
    pub(super) fn string(&mut self) -> Option<String> {
        let length = usize::try_from(self.i16()?).unwrap_or_default();
        Some(String::from_utf8_lossy(self.0.take(length)?).into_owned())
    }

    /// Bytes, which are empty if they are null.
    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.i32()?).unwrap_or_default();
        self.0.take(length)
    }

    /// An array, whose items `read` reads one after the other. It is empty if it is null.
    pub(super) fn array<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.i32()?;
        (0..length).map(|_| read(self)).collect()
    }

    /// A signed number of variable length, as records have it.
    pub(super) fn varint(&mut self) -> Option<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.0.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        None
    }

    /// Bytes after their length of variable length, or null.
    pub(super) fn varint_bytes(&mut self) -> Option<NullableBytes<'b>> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.0.take(length).map(NullableBytes::Bytes),
            Err(_) => Some(NullableBytes::Null),
        }
    }
}

/// Bytes of a record, or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NullableBytes<'b> {
    Null,
    Bytes(&'b [u8]),
}

impl<'b> NullableBytes<'b> {
    pub(super) fn bytes(self) -> Option<&'b [u8]> {
        match self {
            Self::Null => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }

    pub(super) fn owned(self) -> Option<Vec<u8>> {
        self.bytes().map(<[u8]>::to_vec)
    }

    /// The bytes as text, which is empty if they are null.
    pub(super) fn text(self) -> String {
        String::from_utf8_lossy(self.bytes().unwrap_or_default()).into_owned()
    }
}

/// Appends a signed number of variable length.
pub(super) fn write_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn number_of_variable_length_is_read_as_it_was_written(value: i64) {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            prop_assert_eq!(Response::new(&bytes).varint(), Some(value));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let mut response = Response::new(&bytes);
            while response.varint_bytes().is_some() && response.array(Response::string).is_some() {}
        }
    }

    #[test]
    fn fields_are_read_as_they_were_written() {
        let request = Request::default().i8(-1).i16(2).i32(-3).i64(4).string("five").null_string().bytes(b"6");
        let bytes = request.array(["7", "8"], Request::string).null_array().into_bytes();
        let mut response = Response::new(&bytes);
        assert_eq!(
            (response.i8(), response.i16(), response.i32(), response.i64()),
            (Some(-1), Some(2), Some(-3), Some(4))
        );
        assert_eq!((response.string().as_deref(), response.string().as_deref()), (Some("five"), Some("")));
        assert_eq!(response.bytes(), Some(&b"6"[..]));
        assert_eq!(response.array(Response::string), Some(vec!["7".to_owned(), "8".to_owned()]));
        assert_eq!(response.array(Response::string), Some(Vec::new()));
        assert_eq!(response.i8(), None);
    }
}
