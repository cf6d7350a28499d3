//! The properties of a message, which are its headers in AMQP's own names, and the headers that applications add.

use itest_runtime::Error;

use super::fields::{push_long_bytes, push_short_text, push_text_value};
use crate::failure::with_action;
use crate::messages::Fields;

/// The class of methods and content headers that concern messages.
const BASIC_CLASS: u16 = 60;

/// The longest text of a property, and the longest name of a header.
const MAX_SHORT_TEXT: usize = 255;

/// The type of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PropertyType {
    Text,
    Table,
    OneByte,
    EightBytes,
}

/// The properties in the order in which a content header has them. Their flags begin with the highest bit.
const PROPERTIES: [(&str, PropertyType); 14] = [
    ("content-type", PropertyType::Text),
    ("content-encoding", PropertyType::Text),
    ("headers", PropertyType::Table),
    ("delivery-mode", PropertyType::OneByte),
    ("priority", PropertyType::OneByte),
    ("correlation-id", PropertyType::Text),
    ("reply-to", PropertyType::Text),
    ("expiration", PropertyType::Text),
    ("message-id", PropertyType::Text),
    ("timestamp", PropertyType::EightBytes),
    ("type", PropertyType::Text),
    ("user-id", PropertyType::Text),
    ("app-id", PropertyType::Text),
    ("cluster-id", PropertyType::Text),
];

/// What a content header says about a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ContentHeader<'b> {
    /// The size of the body in bytes.
    pub(super) body_size: u64,
    /// The properties and the headers.
    pub(super) headers: Vec<(String, String)>,
    /// The properties as they are on the wire.
    pub(super) properties: &'b [u8],
}

impl<'b> ContentHeader<'b> {
    /// The size of the body, from the payload of a content header.
    pub(super) fn size_of_body(payload: &[u8]) -> Option<u64> {
        Self::begin(payload).map(|(body_size, _)| body_size)
    }

    /// Reads the size of the body. The properties follow.
    fn begin(payload: &[u8]) -> Option<(u64, Fields<'_>)> {
        let mut fields = Fields::new(payload);
        // The second number is a weight without a meaning.
        let (_class, _weight) = (fields.two_bytes()?, fields.two_bytes()?);
        Some((fields.eight_bytes()?, fields))
    }

    /// Reads the payload of a content header.
    pub(super) fn read(payload: &'b [u8]) -> Option<Self> {
        let (body_size, mut fields) = Self::begin(payload)?;
        let properties = fields.rest();
        let flags = fields.two_bytes()?;
        let mut headers = Vec::new();
        for (position, (name, property_type)) in PROPERTIES.into_iter().enumerate() {
            if flags & (0x8000 >> position) == 0 {
                continue;
            }
            let value = match property_type {
                PropertyType::Text => fields.short_text()?.to_owned(),
                PropertyType::OneByte => fields.byte()?.to_string(),
                PropertyType::EightBytes => fields.eight_bytes()?.to_string(),
                PropertyType::Table => {
                    headers.extend(fields.table()?);
                    continue;
                }
            };
            headers.push((name.to_owned(), value));
        }
        Some(Self { body_size, headers, properties })
    }
}

/// The payload of a content header with properties as they are on the wire.
pub(super) fn content_header(body_size: usize, properties: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(12 + properties.len());
    payload.extend_from_slice(&BASIC_CLASS.to_be_bytes());
    payload.extend_from_slice(&[0, 0]);
    payload.extend_from_slice(&(body_size as u64).to_be_bytes());
    payload.extend_from_slice(properties);
    payload
}

/// The properties for the wire. A header with the name of a property becomes this property, and all others become entries of the table.
///
/// # Errors
///
/// When a value does not fit, such as a priority that is no number.
pub(super) fn properties_of(headers: &[(String, String)]) -> Result<Vec<u8>, Error> {
    let wrong =
        |name: &str, reason: &str| Err(with_action("publish a message", &format!("its header {name} {reason}")));
    let type_of = |name: &str| {
        let known = PROPERTIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, property_type)| *property_type).filter(|property_type| *property_type != PropertyType::Table)
    };
    let (mut flags, mut values, mut table) = (0_u16, Vec::new(), Vec::new());
    for (name, value) in headers.iter().filter(|(name, _)| type_of(name).is_none()) {
        if name.len() > MAX_SHORT_TEXT {
            return wrong(name, "is longer than 255 bytes");
        }
        push_text_value(&mut table, name, value);
    }
    for (position, (property, property_type)) in PROPERTIES.into_iter().enumerate() {
        let value = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(property)).map(|(_, value)| value);
        match (property_type, value) {
            (PropertyType::Table, _) if table.is_empty() => continue,
            (PropertyType::Table, _) => push_long_bytes(&mut values, &table),
            (_, None) => continue,
            (PropertyType::Text, Some(value)) if value.len() > MAX_SHORT_TEXT => {
                return wrong(property, "has a value of more than 255 bytes");
            }
            (PropertyType::Text, Some(value)) => push_short_text(&mut values, value),
            (PropertyType::OneByte, Some(value)) => match value.parse::<u8>() {
                Ok(number) => values.push(number),
                Err(_) => return wrong(property, "is no number from 0 to 255"),
            },
            (PropertyType::EightBytes, Some(value)) => match value.parse::<u64>() {
                Ok(number) => values.extend_from_slice(&number.to_be_bytes()),
                Err(_) => return wrong(property, "is no number of seconds"),
            },
        }
        flags |= 0x8000 >> position;
    }
    let mut properties = flags.to_be_bytes().to_vec();
    properties.append(&mut values);
    Ok(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn written_properties_and_headers_are_read_back() {
        let given =
            headers(&[("trace", "7"), ("Priority", "3"), ("message-id", "m1"), ("timestamp", "9"), ("type", "t")]);
        let payload = content_header(5, &properties_of(&given).unwrap());
        let read = ContentHeader::read(&payload).unwrap();
        assert_eq!(read.body_size, 5);
        let expected = [("trace", "7"), ("priority", "3"), ("message-id", "m1"), ("timestamp", "9"), ("type", "t")];
        assert_eq!(read.headers, headers(&expected));
        assert_eq!(content_header(5, read.properties), payload);
        for part in 0..payload.len() {
            assert_eq!(ContentHeader::read(&payload[..part]), None);
        }
    }

    #[test]
    fn value_that_does_not_fit_is_refused() {
        let long = "x".repeat(256);
        for (name, value, reason) in [
            ("priority", "high", "its header priority is no number from 0 to 255"),
            ("timestamp", "now", "its header timestamp is no number of seconds"),
            ("message-id", long.as_str(), "its header message-id has a value of more than 255 bytes"),
            (long.as_str(), "x", "is longer than 255 bytes"),
        ] {
            let error = properties_of(&headers(&[(name, value)])).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
