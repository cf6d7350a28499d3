//! Reads the packets of MQTT that pass on a connection.

use std::collections::HashMap;
use std::sync::Arc;

use super::connect::Connect;
use super::packet::{Beginning, Packet, PacketType, Version, beginning};
use super::properties::Properties;
use super::publish::Publish;
use super::topic::is_internal;
use super::traces::Traces;
use crate::messages::{Fields, Frame, FrameReader, Meaning, Reading, Side};
use crate::service::Login;

/// The lowest code of a refused subscription. Lower codes grant the subscription.
const FIRST_REFUSAL: u8 = 0x80;

/// The flag with which the server says that it has kept an earlier session of the client.
const SESSION_PRESENT: u8 = 1;

/// Reads the packets of one connection.
#[derive(Debug)]
pub(super) struct MqttReader {
    /// The login for a client that sends none.
    login: Option<Login>,
    traces: Arc<Traces>,
    client: Option<Client>,
    /// The requests that the server has not answered yet, by their packet ids.
    requests: HashMap<u16, Request>,
    /// The topic aliases of the client, with their topics.
    client_aliases: HashMap<u16, String>,
    /// The topic aliases of the server, with their topics.
    server_aliases: HashMap<u16, String>,
}

/// The client of the connection.
#[derive(Debug)]
struct Client {
    version: Version,
    id: String,
    is_session_kept: bool,
}

/// A request with topic filters.
#[derive(Debug)]
enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
}

impl FrameReader for MqttReader {
    fn read(&mut self, sender: Side, bytes: &[u8]) -> Reading {
        let is_first = sender == Side::Client && self.client.is_none();
        // The type is checked before the length, because the bytes of another protocol may say that a long packet follows.
        if is_first && bytes.first().and_then(|first| PacketType::of(*first)) != Some(PacketType::Connect) {
            return self.foreign();
        }
        let packet = match beginning(bytes) {
            Beginning::Incomplete => return Reading::Incomplete,
            Beginning::Malformed => return self.foreign(),
            Beginning::Packet(packet) => packet,
        };
        let frame = match (sender, packet.control_type) {
            (Side::Client, PacketType::Connect) => self.connect(&packet),
            (Side::Client, _) => self.meaning_of_client(&packet).map(|meaning| Frame::new(packet.length, meaning)),
            (Side::Server, _) => self.meaning_of_server(&packet).map(|meaning| Frame::new(packet.length, meaning)),
        };
        frame.map_or_else(|| self.foreign(), Reading::Frame)
    }
}

impl MqttReader {
    /// A reader for a connection that was just opened.
    pub(super) fn new(login: Option<Login>, traces: Arc<Traces>) -> Self {
        traces.note_open_connection();
        Self {
            login,
            traces,
            client: None,
            requests: HashMap::new(),
            client_aliases: HashMap::new(),
            server_aliases: HashMap::new(),
        }
    }

    fn foreign(&self) -> Reading {
        self.traces.note_unreadable_connection();
        Reading::Foreign
    }

    fn version(&self) -> Version {
        self.client.as_ref().map_or(Version::Three, |client| client.version)
    }

    fn connect(&mut self, packet: &Packet<'_>) -> Option<Frame> {
        let connect = Connect::read(packet)?;
        let mut frame = Frame::new(packet.length, Meaning::Other);
        frame.replacement = self.login.as_ref().and_then(|login| connect.with_login(packet, login));
        if let Some(topic) = &connect.retained_will {
            self.traces.note_retained(topic);
        }
        let Connect { version, client_id: id, is_session_kept, .. } = connect;
        if is_session_kept && !id.is_empty() {
            self.traces.note_session(&id);
        }
        self.client = Some(Client { version, id, is_session_kept });
        Some(frame)
    }

    fn meaning_of_client(&mut self, packet: &Packet<'_>) -> Option<Meaning> {
        Some(match packet.control_type {
            PacketType::Publish => {
                let message = self.publish(packet, Side::Client)?;
                // An empty message removes the retained message of its topic, and is not retained itself.
                if message.is_retained && !message.content.body.is_empty() {
                    self.traces.note_retained(&message.content.topic);
                }
                Meaning::Published(message.content)
            }
            PacketType::PublishAcknowledged | PacketType::PublishReceived => {
                Meaning::Acknowledged(vec![Fields::new(packet.body).two_bytes()?.to_string()])
            }
            PacketType::Subscribe | PacketType::Unsubscribe => {
                let (id, request) = self.request(packet)?;
                self.requests.insert(id, request);
                Meaning::Other
            }
            _ => Meaning::Other,
        })
    }

    fn meaning_of_server(&mut self, packet: &Packet<'_>) -> Option<Meaning> {
        Some(match packet.control_type {
            PacketType::ConnectAcknowledged => self.connected(packet)?,
            PacketType::Publish => {
                let Publish { content, packet_id, .. } = self.publish(packet, Side::Server)?;
                if is_internal(&content.topic) {
                    Meaning::Other
                } else {
                    Meaning::Delivered { content, tag: packet_id.map(|id| id.to_string()) }
                }
            }
            PacketType::SubscribeAcknowledged | PacketType::UnsubscribeAcknowledged => self.answer(packet)?,
            _ => Meaning::Other,
        })
    }

    /// Reads a message, with its topic if an alias stands for it.
    fn publish(&mut self, packet: &Packet<'_>, sender: Side) -> Option<Publish> {
        let mut message = Publish::read(packet, self.version())?;
        let aliases = match sender {
            Side::Client => &mut self.client_aliases,
            Side::Server => &mut self.server_aliases,
        };
        let topic = &mut message.content.topic;
        match message.topic_alias {
            Some(alias) if topic.is_empty() => aliases.get(&alias)?.clone_into(topic),
            Some(alias) => drop(aliases.insert(alias, topic.clone())),
            None if topic.is_empty() => return None,
            None => {}
        }
        Some(message)
    }

    /// Reads a packet with topic filters. Those of a subscription have an options byte each.
    fn request(&self, packet: &Packet<'_>) -> Option<(u16, Request)> {
        let mut fields = Fields::new(packet.body);
        let id = fields.two_bytes()?;
        if self.version() == Version::Five {
            Properties::read(&mut fields)?;
        }
        let is_subscription = packet.control_type == PacketType::Subscribe;
        let mut filters = Vec::new();
        while !fields.is_empty() {
            filters.push(fields.text()?.to_owned());
            if is_subscription {
                fields.byte()?;
            }
        }
        Some((id, if is_subscription { Request::Subscribe(filters) } else { Request::Unsubscribe(filters) }))
    }

    /// Reads whether the server has accepted the client. An earlier session that the server has kept already has subscriptions.
    fn connected(&mut self, packet: &Packet<'_>) -> Option<Meaning> {
        let Some(client) = &mut self.client else { return Some(Meaning::Other) };
        let mut fields = Fields::new(packet.body);
        let (flags, reason) = (fields.byte()?, fields.byte()?);
        if reason != 0 {
            return Some(Meaning::Other);
        }
        if client.version == Version::Five {
            let properties = Properties::read(&mut fields)?;
            if let Some(id) = properties.assigned_client_id {
                id.clone_into(&mut client.id);
            }
            client.is_session_kept |= properties.session_expiry > 0;
        }
        if client.is_session_kept {
            self.traces.note_session(&client.id);
        }
        if flags & SESSION_PRESENT == 0 {
            self.traces.forget_subscriptions(&client.id);
        }
        let filters = self.traces.subscriptions_of(&client.id).into_iter();
        Some(all(filters.map(subscribed).collect()))
    }

    /// Reads the answer to a request. It has a byte for each topic filter, but in version 3 only if it answers a subscription.
    fn answer(&mut self, packet: &Packet<'_>) -> Option<Meaning> {
        let mut fields = Fields::new(packet.body);
        let id = fields.two_bytes()?;
        if self.version() == Version::Five {
            Properties::read(&mut fields)?;
        }
        let client_id = self.client.as_ref().map(|client| client.id.as_str()).unwrap_or_default();
        let mut meanings = Vec::new();
        match self.requests.remove(&id) {
            Some(Request::Subscribe(filters)) => {
                let answers = filters.into_iter().zip(fields.rest());
                for (filter, _) in answers.filter(|(_, answer)| **answer < FIRST_REFUSAL) {
                    self.traces.note_subscription(client_id, &filter);
                    // A second subscription with the same filter replaces the first one.
                    meanings.push(Meaning::Unsubscribed { id: filter.clone() });
                    meanings.push(subscribed(filter));
                }
            }
            Some(Request::Unsubscribe(filters)) => {
                for filter in filters {
                    self.traces.note_unsubscription(client_id, &filter);
                    meanings.push(Meaning::Unsubscribed { id: filter });
                }
            }
            None => {}
        }
        Some(all(meanings))
    }
}

/// A subscription. Its filter names it, because a client has at most one with the same filter.
fn subscribed(filter: String) -> Meaning {
    Meaning::Subscribed { id: filter.clone(), pattern: filter }
}

fn all(meanings: Vec<Meaning>) -> Meaning {
    if meanings.is_empty() { Meaning::Other } else { Meaning::Several(meanings) }
}

#[cfg(test)]
mod tests;
