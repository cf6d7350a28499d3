//! The packet with which a client connects.

use super::fields::push_text;
use super::packet::{Packet, PacketType, Version, packet};
use super::properties::Properties;
use crate::messages::Fields;
use crate::service::Login;

const CLEAN: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USER: u8 = 0b1000_0000;

/// What a client says when it connects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Connect {
    pub(super) version: Version,
    pub(super) client_id: String,
    /// Whether the server keeps the session when the connection ends.
    pub(super) is_session_kept: bool,
    /// The topic on which the server publishes and retains a message when the connection is lost.
    pub(super) retained_will: Option<String>,
    has_login: bool,
    /// The position of the flags in the body of the packet.
    flags_position: usize,
}

impl Connect {
    /// Reads a packet. `None` if it is malformed.
    pub(super) fn read(packet: &Packet<'_>) -> Option<Self> {
        let mut fields = Fields::new(packet.body);
        let version = match (fields.text()?, fields.byte()?) {
            ("MQIsdp", 3) | ("MQTT", 4) => Version::Three,
            ("MQTT", 5) => Version::Five,
            _ => return None,
        };
        let flags_position = packet.body.len() - fields.rest().len();
        let flags = fields.byte()?;
        let _keep_alive = fields.two_bytes()?;
        let is_session_kept = match version {
            Version::Three => flags & CLEAN == 0,
            Version::Five => Properties::read(&mut fields)?.session_expiry > 0,
        };
        let client_id = fields.text()?.to_owned();
        let mut retained_will = None;
        if flags & WILL != 0 {
            if version == Version::Five {
                Properties::read(&mut fields)?;
            }
            let topic = fields.text()?.to_owned();
            fields.binary()?;
            retained_will = Some(topic).filter(|_| flags & WILL_RETAIN != 0);
        }
        let has_login = flags & (USER | PASSWORD) != 0;
        Some(Self { version, client_id, is_session_kept, retained_will, has_login, flags_position })
    }

    /// The same packet with this login. `None` if the client sends a login of its own.
    pub(super) fn with_login(&self, original: &Packet<'_>, login: &Login) -> Option<Vec<u8>> {
        if self.has_login {
            return None;
        }
        // The login is appended, because user and password are the last fields.
        let mut body = original.body.to_vec();
        *body.get_mut(self.flags_position)? |= USER | PASSWORD;
        push_login(&mut body, login);
        Some(packet(PacketType::Connect, 0, &body))
    }
}

/// The packet of MQTT 5 with which itest connects. It ends an earlier session of this client id, and the new session ends with the connection.
///
/// If the client id is empty, the server chooses one.
pub(super) fn connection(client_id: &str, login: Option<&Login>) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(&mut body, "MQTT");
    let login_flags = if login.is_some() { USER | PASSWORD } else { 0 };
    // A keep-alive time of 0, in two bytes, means that the server expects no pings. The last byte means that there are no properties.
    body.extend_from_slice(&[5, CLEAN | login_flags, 0, 0, 0]);
    push_text(&mut body, client_id);
    if let Some(login) = login {
        push_login(&mut body, login);
    }
    packet(PacketType::Connect, 0, &body)
}

fn push_login(body: &mut Vec<u8>, Login { user, password }: &Login) {
    push_text(body, user);
    push_text(body, password.as_deref().unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mqtt::packet::{Beginning, beginning};

    fn whole(bytes: &[u8]) -> Packet<'_> {
        match beginning(bytes) {
            Beginning::Packet(packet) => packet,
            other => panic!("{other:?}"),
        }
    }

    fn login() -> Login {
        Login { user: "u".to_owned(), password: Some("p".to_owned()) }
    }

    #[test]
    fn client_without_login_is_logged_in_and_its_will_stays() {
        let body = b"\x00\x04MQTT\x04\x24\x00\x3c\x00\x03dev\x00\x04gone\x00\x02hi";
        let bytes = packet(PacketType::Connect, 0, body);
        let connect = Connect::read(&whole(&bytes)).unwrap();
        assert!(connect.is_session_kept);
        assert_eq!((connect.client_id.as_str(), connect.retained_will.as_deref()), ("dev", Some("gone")));
        let logged_in = connect.with_login(&whole(&bytes), &login()).unwrap();
        assert_eq!(
            whole(&logged_in).body,
            b"\x00\x04MQTT\x04\xe4\x00\x3c\x00\x03dev\x00\x04gone\x00\x02hi\x00\x01u\x00\x01p"
        );
        let again = Connect::read(&whole(&logged_in)).unwrap();
        assert_eq!(again.with_login(&whole(&logged_in), &login()), None);
    }

    #[test]
    fn session_of_version_5_is_kept_by_its_expiry() {
        let connect = |properties: &[u8]| {
            let body = [b"\x00\x04MQTT\x05\x02\x00\x00", properties, b"\x00\x00"].concat();
            Connect::read(&whole(&packet(PacketType::Connect, 0, &body))).unwrap()
        };
        assert!(!connect(b"\x00").is_session_kept);
        assert!(!connect(b"\x05\x11\x00\x00\x00\x00").is_session_kept);
        assert!(connect(b"\x05\x11\x00\x00\x00\x01").is_session_kept);
    }

    proptest! {
        #[test]
        fn written_connection_is_read_back(client_id in "[a-z]{0,10}", has_login: bool) {
            let login = login();
            let bytes = connection(&client_id, has_login.then_some(&login));
            let connect = Connect::read(&whole(&bytes)).unwrap();
            prop_assert_eq!(&connect.client_id, &client_id);
            prop_assert!(connect.version == Version::Five && !connect.is_session_kept);
            prop_assert_eq!(connect.has_login, has_login);
        }
    }
}
