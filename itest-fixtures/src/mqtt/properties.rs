//! The properties of MQTT 5.

use super::fields::{push_text, push_variable};
use crate::messages::Fields;

const SESSION_EXPIRY: u8 = 0x11;
const ASSIGNED_CLIENT_ID: u8 = 0x12;
const TOPIC_ALIAS: u8 = 0x23;
const USER_PROPERTY: u8 = 0x26;

/// The properties of a packet that itest uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Properties<'b> {
    /// The user properties in their order.
    pub(super) user: Vec<(String, String)>,
    /// The number that stands for the topic in later messages.
    pub(super) topic_alias: Option<u16>,
    /// How many seconds a session lasts after its connection.
    pub(super) session_expiry: u32,
    /// The name that the server gives to a client without one.
    pub(super) assigned_client_id: Option<&'b str>,
}

impl<'b> Properties<'b> {
    /// Reads the length of the properties and the properties. `None` if they are malformed.
    pub(super) fn read(fields: &mut Fields<'b>) -> Option<Self> {
        let length = fields.variable()?;
        let mut fields = Fields::new(fields.take(length)?);
        let mut properties = Self::default();
        while !fields.is_empty() {
            properties.read_one(&mut fields)?;
        }
        Some(properties)
    }

    fn read_one(&mut self, fields: &mut Fields<'b>) -> Option<()> {
        match fields.byte()? {
            USER_PROPERTY => self.user.push((fields.text()?.to_owned(), fields.text()?.to_owned())),
            TOPIC_ALIAS => self.topic_alias = Some(fields.two_bytes()?),
            SESSION_EXPIRY => self.session_expiry = fields.four_bytes()?,
            ASSIGNED_CLIENT_ID => self.assigned_client_id = Some(fields.text()?),
            // The other properties are skipped, each by the type that the standard gives it.
            0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => drop(fields.byte()?),
            0x13 | 0x21 | 0x22 => drop(fields.two_bytes()?),
            0x02 | 0x18 | 0x27 => drop(fields.four_bytes()?),
            0x0b => drop(fields.variable()?),
            0x03 | 0x08 | 0x09 | 0x15 | 0x16 | 0x1a | 0x1c | 0x1f => drop(fields.binary()?),
            _ => return None,
        }
        Some(())
    }
}

/// Appends properties with these user properties.
pub(super) fn push_user_properties(bytes: &mut Vec<u8>, user: &[(String, String)]) {
    let mut properties = Vec::new();
    for (name, value) in user {
        properties.push(USER_PROPERTY);
        push_text(&mut properties, name);
        push_text(&mut properties, value);
    }
    push_variable(bytes, properties.len());
    bytes.extend_from_slice(&properties);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_properties_are_read_and_others_are_skipped() {
        // A content type, an alias, a payload format, a session expiry and a user property.
        let bytes = b"\x15\x03\x00\x01x\x23\x00\x07\x01\x01\x11\x00\x00\x00\x09\x26\x00\x01a\x00\x01brest";
        let mut fields = Fields::new(bytes);
        let properties = Properties::read(&mut fields).unwrap();
        assert_eq!(properties.user, [("a".to_owned(), "b".to_owned())]);
        assert_eq!((properties.topic_alias, properties.session_expiry), (Some(7), 9));
        assert_eq!(fields.rest(), b"rest");
    }

    #[test]
    fn unknown_property_is_refused() {
        assert_eq!(Properties::read(&mut Fields::new(b"\x02\x7f\x00")), None);
    }
}
