//! itest's own client of AMQP 0-9-1, which publishes the messages of the test.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use itest_runtime::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fields::{push_long_bytes, push_short_text};
use super::frame::{Beginning, FrameKind, OVERHEAD_BYTES, PROTOCOL_HEADER, beginning, push_frame};
use super::method::{
    BASIC_ACK, BASIC_NACK, BASIC_PUBLISH, BASIC_RETURN, CHANNEL_CLOSE, CHANNEL_OPEN, CHANNEL_OPEN_OK, CONFIRM_SELECT,
    CONFIRM_SELECT_OK, CONNECTION_BLOCKED, CONNECTION_CLOSE, CONNECTION_OPEN, CONNECTION_OPEN_OK, CONNECTION_START,
    CONNECTION_START_OK, CONNECTION_TUNE, CONNECTION_TUNE_OK, MANDATORY, MethodId, id_of, method,
};
use super::properties::{content_header, properties_of};
use super::topic::split;
use crate::failure::with_action;
use crate::messages::{Content, Fields, PublishingClient};
use crate::service::Login;

/// How long the server may take to accept a connection, and to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The channel with which the client publishes.
const CHANNEL: u16 = 1;

/// The largest frame if the server names no limit.
const MAX_FRAME_BYTES: usize = 128 * 1024;

/// The longest name of an exchange, and the longest routing key.
const MAX_NAME_BYTES: usize = 255;

/// A connection to a virtual host.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    /// What the server has sent, and the client has not read yet.
    received: Vec<u8>,
    /// The largest frame that the server accepts.
    max_frame_bytes: usize,
    /// The reason why the server accepts no messages at the moment.
    blocked: Option<String>,
}

/// A method that the server has sent.
struct Received {
    id: MethodId,
    arguments: Vec<u8>,
}

impl Client {
    async fn open(address: SocketAddr, login: &Login) -> Result<Self, Error> {
        let remedy =
            |error: io::Error| Error::new(format!("{error}; is the server running, and does it listen there?"));
        let stream = TcpStream::connect(address).await.map_err(remedy)?;
        let _ = stream.set_nodelay(true);
        let mut client = Self { stream, received: Vec::new(), max_frame_bytes: MAX_FRAME_BYTES, blocked: None };
        client.stream.write_all(PROTOCOL_HEADER).await?;
        client.expect(CONNECTION_START).await?;
        client.send(0, CONNECTION_START_OK, &start_arguments(login)).await?;
        let tune = client.expect(CONNECTION_TUNE).await?;
        let mut limits = Fields::new(&tune);
        let (channels, frame_bytes) = (limits.two_bytes().unwrap_or_default(), limits.four_bytes().unwrap_or_default());
        // The server takes 0 for no limit.
        if frame_bytes > 0 {
            client.max_frame_bytes = frame_bytes as usize;
        }
        let mut arguments = channels.to_be_bytes().to_vec();
        arguments.extend_from_slice(&frame_bytes.to_be_bytes());
        // No heartbeats.
        arguments.extend_from_slice(&[0, 0]);
        client.send(0, CONNECTION_TUNE_OK, &arguments).await?;
        let mut arguments = Vec::new();
        // Each virtual host of a test has a user of the same name.
        push_short_text(&mut arguments, &login.user);
        arguments.extend_from_slice(&[0, 0]);
        client.send(0, CONNECTION_OPEN, &arguments).await?;
        client.expect(CONNECTION_OPEN_OK).await?;
        client.send(CHANNEL, CHANNEL_OPEN, &[0]).await?;
        client.expect(CHANNEL_OPEN_OK).await?;
        client.send(CHANNEL, CONFIRM_SELECT, &[0]).await?;
        client.expect(CONFIRM_SELECT_OK).await?;
        Ok(client)
    }

    /// Publishes a message, and waits until the server has confirmed it.
    async fn publish_confirmed(&mut self, content: &Content) -> Result<(), Error> {
        let Content { topic, headers, body, wire_fields, .. } = content;
        let (exchange, key) = split(topic);
        if exchange.len() > MAX_NAME_BYTES || key.len() > MAX_NAME_BYTES {
            return Err(Error::new("an exchange and a routing key have at most 255 bytes each"));
        }
        let properties = if wire_fields.is_empty() { &properties_of(headers)? } else { wire_fields };
        let mut arguments = vec![0, 0];
        push_short_text(&mut arguments, exchange);
        push_short_text(&mut arguments, key);
        arguments.push(MANDATORY);
        let mut frames = Vec::with_capacity(body.len() + 256);
        push_frame(&mut frames, FrameKind::Method, CHANNEL, &method(BASIC_PUBLISH, &arguments));
        push_frame(&mut frames, FrameKind::ContentHeader, CHANNEL, &content_header(body.len(), properties));
        for part in body.chunks(self.max_frame_bytes - OVERHEAD_BYTES) {
            push_frame(&mut frames, FrameKind::ContentBody, CHANNEL, part);
        }
        self.stream.write_all(&frames).await?;
        let mut is_returned = false;
        loop {
            let Received { id, .. } = self.method().await?;
            match id {
                BASIC_RETURN => is_returned = true,
                BASIC_ACK if is_returned => {
                    return Err(Error::new("no queue gets it: the exchange has no binding that matches"));
                }
                BASIC_ACK => return Ok(()),
                BASIC_NACK => return Err(Error::new("the server refuses it, as a queue does that is full")),
                _ => {}
            }
        }
    }

    /// Waits for a method, and returns its arguments.
    async fn expect(&mut self, expected: MethodId) -> Result<Vec<u8>, Error> {
        loop {
            let Received { id, arguments } = self.method().await?;
            if id == expected {
                return Ok(arguments);
            }
        }
    }

    async fn send(&mut self, channel: u16, id: MethodId, arguments: &[u8]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, FrameKind::Method, channel, &method(id, arguments));
        Ok(self.stream.write_all(&bytes).await?)
    }

    /// Waits for the next method. Contents, which are those of returned messages, are skipped.
    ///
    /// # Errors
    ///
    /// When the server closes the channel or the connection, with its reason.
    async fn method(&mut self) -> Result<Received, Error> {
        loop {
            let (length, method) = match beginning(&self.received) {
                Beginning::Malformed => return Err(Error::new("the server does not speak AMQP 0-9-1")),
                Beginning::Incomplete => {
                    if self.stream.read_buf(&mut self.received).await? == 0 {
                        return Err(Error::new("the server has closed the connection"));
                    }
                    continue;
                }
                Beginning::Frame(frame) if frame.kind == FrameKind::Method => {
                    let arguments = frame.payload.get(4..).unwrap_or_default().to_vec();
                    (frame.length, id_of(frame.payload).map(|id| Received { id, arguments }))
                }
                Beginning::Frame(frame) => (frame.length, None),
            };
            self.received.drain(..length);
            let Some(method) = method else { continue };
            match method.id {
                CONNECTION_CLOSE | CHANNEL_CLOSE => return Err(Error::new(reason_of(&method.arguments))),
                CONNECTION_BLOCKED => {
                    let reason = Fields::new(&method.arguments).short_text().map(str::to_owned);
                    self.blocked = Some(reason.unwrap_or_default());
                }
                _ => return Ok(method),
            }
        }
    }

    fn no_answer(&self) -> Error {
        match &self.blocked {
            None => Error::new(format!("the server does not answer within {TIMEOUT:?}")),
            Some(reason) => Error::new(format!("the server accepts no messages at the moment: {reason}")),
        }
    }
}

impl PublishingClient for Client {
    async fn connect(address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        let action = format!("connect to RabbitMQ at {address}");
        let login = login.ok_or_else(|| with_action(&action, "there is no user"))?;
        let opened = tokio::time::timeout(TIMEOUT, Self::open(address, login)).await;
        let opened =
            opened.unwrap_or_else(|_| Err(Error::new(format!("the server does not answer within {TIMEOUT:?}"))));
        opened.map_err(|error| with_action(&action, &error.to_string()))
    }

    async fn publish(&mut self, content: &Content) -> Result<(), Error> {
        let published = match tokio::time::timeout(TIMEOUT, self.publish_confirmed(content)).await {
            Ok(published) => published,
            Err(_) => Err(self.no_answer()),
        };
        published.map_err(|error| with_action(&format!("publish on {}", content.topic), &error.to_string()))
    }
}

/// The arguments with which a client logs in. The capabilities make the server give its reasons.
fn start_arguments(login: &Login) -> Vec<u8> {
    let mut capabilities = Vec::new();
    for capability in ["authentication_failure_close", "connection.blocked", "publisher_confirms"] {
        push_short_text(&mut capabilities, capability);
        capabilities.extend_from_slice(b"t\x01");
    }
    let mut properties = Vec::new();
    push_short_text(&mut properties, "capabilities");
    properties.push(b'F');
    push_long_bytes(&mut properties, &capabilities);
    let mut arguments = Vec::new();
    push_long_bytes(&mut arguments, &properties);
    push_short_text(&mut arguments, "PLAIN");
    let password = login.password.as_deref().unwrap_or_default();
    push_long_bytes(&mut arguments, format!("\0{}\0{password}", login.user).as_bytes());
    push_short_text(&mut arguments, "en_US");
    arguments
}

/// The reason with which the server closes a channel or a connection.
fn reason_of(arguments: &[u8]) -> String {
    let mut fields = Fields::new(arguments);
    let _code = fields.two_bytes();
    format!("the server says {}", fields.short_text().unwrap_or("nothing"))
}
