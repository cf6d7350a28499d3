//! itest's own client of MQTT 5: it publishes the messages of a test, and checks and cleans a broker.

use std::net::SocketAddr;
use std::time::Duration;

use itest_runtime::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::connect::connection;
use super::fields::push_text;
use super::packet::{Beginning, Packet, PacketType, Version, beginning, packet};
use super::publish::{Publish, RETAIN, publication};
use super::topic::is_internal;
use crate::failure::{failed_to, with_action};
use crate::messages::{Content, Fields, PublishingClient};
use crate::service::{Login, RefusedLogin};

/// How long the server may take to accept a connection, and to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The lowest reason code of a refusal. Lower codes mean success.
const FIRST_REFUSAL: u8 = 0x80;

/// The packet id of each request. One id is enough, because the client sends no request before the last one was answered.
const PACKET_ID: u16 = 1;

/// A connection to a server. Its session ends with it.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    /// The bytes of the packet that was read last.
    buffer: Vec<u8>,
}

impl Client {
    /// Connects, and waits until the server has accepted the login.
    ///
    /// # Errors
    ///
    /// When no MQTT 5 broker answers at the address, or the broker refuses the login.
    pub(super) async fn connect(address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        Self::connect_as("", address, login).await
    }

    /// Connects with this client id, and ends the earlier session of this id. If the id is empty, the server chooses one.
    ///
    /// # Errors
    ///
    /// When no MQTT 5 broker answers at the address, or the broker refuses the login.
    pub(super) async fn connect_as(client_id: &str, address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        let connecting = async {
            let stream = TcpStream::connect(address).await.map_err(|error| failed_to("connect to MQTT", &error))?;
            let _ = stream.set_nodelay(true);
            let mut client = Self { stream: BufReader::new(stream), buffer: Vec::new() };
            client.send(&connection(client_id, login)).await?;
            let answer = client.packet().await.map_err(|error| {
                with_action("connect to MQTT", &format!("the server at {address} does not speak MQTT: {error}"))
            })?;
            let reason = (answer.control_type == PacketType::ConnectAcknowledged).then(|| answer.body.get(1).copied());
            match reason.flatten() {
                Some(0) => Ok(client),
                Some(reason) if refuses_login(reason) => {
                    Err(RefusedLogin::error(format!("cannot connect to MQTT: {}", refusal(reason))))
                }
                Some(reason) => Err(with_action("connect to MQTT", &refusal(reason))),
                None => Err(with_action("connect to MQTT", &format!("the server at {address} does not speak MQTT"))),
            }
        };
        tokio::time::timeout(TIMEOUT, connecting).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// Removes the retained message of a topic.
    ///
    /// # Errors
    ///
    /// When the server does not permit it.
    pub(super) async fn remove_retained(&mut self, topic: &str) -> Result<(), Error> {
        self.publish_with(&Content { topic: topic.to_owned(), ..Content::default() }, RETAIN).await
    }

    async fn publish_with(&mut self, content: &Content, flags: u8) -> Result<(), Error> {
        let publishing = async {
            self.send(&publication(content, PACKET_ID, flags)).await?;
            let answer = self.answer(PacketType::PublishAcknowledged, |_| {}).await?;
            // A packet without a reason code means success.
            match answer.get(2) {
                Some(reason) if *reason >= FIRST_REFUSAL => {
                    Err(with_action(&format!("publish on {}", content.topic), &refusal(*reason)))
                }
                _ => Ok(()),
            }
        };
        tokio::time::timeout(TIMEOUT, publishing).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// Sends a ping, and waits for the answer. The server answers after it has processed everything that was sent before on this connection.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) async fn ping(&mut self) -> Result<(), Error> {
        let pinging = async {
            self.send(&packet(PacketType::Ping, 0, &[])).await?;
            self.answer(PacketType::PingAnswered, |_| {}).await.map(drop)
        };
        tokio::time::timeout(TIMEOUT, pinging).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// The topics whose messages the server retains, without those about the server itself.
    ///
    /// # Errors
    ///
    /// When the user may not read all topics.
    pub(super) async fn retained(&mut self) -> Result<Vec<String>, Error> {
        let mut topics = Vec::new();
        let mut note = |packet: &Packet<'_>| {
            let message = Publish::read(packet, Version::Five).filter(|message| message.is_retained);
            topics.extend(message.map(|message| message.content.topic).filter(|topic| !is_internal(topic)));
        };
        let reading = async {
            // The packet has no properties, and the lowest quality of service.
            let mut body = PACKET_ID.to_be_bytes().to_vec();
            body.push(0);
            push_text(&mut body, "#");
            body.push(0);
            self.send(&packet(PacketType::Subscribe, 0b0010, &body)).await?;
            let answer = self.answer(PacketType::SubscribeAcknowledged, &mut note).await?;
            match answer.last() {
                Some(reason) if *reason >= FIRST_REFUSAL => Err(with_action("read all topics", &refusal(*reason))),
                _ => Ok(()),
            }?;
            // The server sends the retained messages before it answers the ping.
            self.send(&packet(PacketType::Ping, 0, &[])).await?;
            self.answer(PacketType::PingAnswered, &mut note).await.map(drop)
        };
        tokio::time::timeout(TIMEOUT, reading).await.unwrap_or_else(|_| Err(no_answer()))?;
        Ok(topics)
    }

    /// Waits for a packet of a type, and returns its body. `note` gets the messages that come before.
    async fn answer(&mut self, expected: PacketType, mut note: impl FnMut(&Packet<'_>)) -> Result<Vec<u8>, Error> {
        loop {
            let packet = self.packet().await?;
            match packet.control_type {
                control_type if control_type == expected => return Ok(packet.body.to_vec()),
                PacketType::Publish => note(&packet),
                PacketType::Disconnect => {
                    let reason = packet.body.first().copied().unwrap_or_default();
                    return Err(with_action("use MQTT", &refusal(reason)));
                }
                _ => {}
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(|error| failed_to("write to MQTT", &error))
    }

    /// Waits for the next packet.
    async fn packet(&mut self) -> Result<Packet<'_>, Error> {
        self.buffer.clear();
        // The header is read byte by byte, because each byte of the length says whether another one follows.
        let mut body = None;
        while body.is_none() && self.buffer.len() < 5 {
            self.read(1).await?;
            body = Fields::new(self.buffer.get(1..).unwrap_or_default()).variable();
        }
        self.read(body.unwrap_or_default()).await?;
        match beginning(&self.buffer) {
            Beginning::Packet(packet) => Ok(packet),
            _ => Err(with_action("read from MQTT", "the server has sent something that is no packet")),
        }
    }

    async fn read(&mut self, length: usize) -> Result<(), Error> {
        let begin = self.buffer.len();
        self.buffer.resize(begin + length, 0);
        let read = self.stream.read_exact(&mut self.buffer[begin..]).await;
        read.map(drop).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => with_action("read from MQTT", "the server has closed the connection"),
            _ => failed_to("read from MQTT", &error),
        })
    }
}

impl PublishingClient for Client {
    async fn connect(address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        Self::connect(address, login).await
    }

    async fn publish(&mut self, content: &Content) -> Result<(), Error> {
        self.publish_with(content, 0).await
    }
}

/// Whether a reason code refuses the user or the password.
fn refuses_login(reason: u8) -> bool {
    matches!(reason, 0x04 | 0x05 | 0x86 | 0x87)
}

/// The text of a reason code. The codes below 0x80 are those with which a server of MQTT 3.1.1 refuses a connection.
fn refusal(reason: u8) -> String {
    match reason {
        0x01 | 0x84 => "the server does not speak MQTT 5".to_owned(),
        _ if refuses_login(reason) => {
            format!("the server refuses the user, the password or the permission (reason 0x{reason:02x})")
        }
        0x8b | 0x89 => format!("the server is shutting down or busy (reason 0x{reason:02x})"),
        0x95 => "the server refuses a packet of this size".to_owned(),
        _ => format!("the server refuses the request (reason 0x{reason:02x})"),
    }
}

fn no_answer() -> Error {
    with_action("use MQTT", &format!("the server does not answer within {TIMEOUT:?}"))
}
