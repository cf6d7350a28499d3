//! itest's own client of NATS: it publishes the messages of a test, and queries and cleans a server.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use itest_runtime::Error;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::login::connect_options;
use super::wire::publication;
use crate::failure::{failed_to, with_action};
use crate::messages::{Content, PublishingClient};
use crate::service::{Login, RefusedLogin};

/// How long the server may take to accept a connection, and to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The beginning of the subjects on which the server replies. The number of the request follows.
const INBOX: &str = "_INBOX.itest.";

/// The reply to the request with this number.
struct Reply {
    number: usize,
    body: Vec<u8>,
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<TcpStream>,
    /// The version of the server.
    pub(super) version: String,
}

impl Client {
    /// Connects, and waits until the server has accepted the login.
    ///
    /// # Errors
    ///
    /// When no NATS server answers at the address, or the server refuses the login or requires TLS.
    pub(super) async fn connect(address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        let connecting = tokio::time::timeout(TIMEOUT, Self::open(address, login));
        let opened = connecting.await.unwrap_or_else(|_| Err(no_answer()));
        opened.map_err(|error| with_action(&format!("connect to NATS at {address}"), &error.to_string()))
    }

    async fn open(address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        let remedy = |error| Error::new(format!("{error}; is the server running, and does it listen there?"));
        let stream = TcpStream::connect(address).await.map_err(remedy)?;
        let mut client = Self { stream: BufReader::new(stream), version: String::new() };
        let greeting = client.line().await?;
        let info = greeting.strip_prefix("INFO ").and_then(|info| serde_json::from_str(info).ok());
        let info: Value = info.ok_or("the server does not speak NATS")?;
        if info["tls_required"] == true {
            return Err(Error::new("the server requires TLS, which itest does not support for NATS"));
        }
        client.version = info["version"].as_str().unwrap_or("of an unknown version").to_owned();
        client.send(format!("CONNECT {}\r\nPING\r\n", connect_options(login)).as_bytes()).await?;
        client.pong().await?;
        Ok(client)
    }

    /// Sends a request, and returns the JSON of its reply.
    ///
    /// # Errors
    ///
    /// When no reply arrives in time, or the reply is no JSON.
    pub(super) async fn request(&mut self, subject: &str, body: &str) -> Result<Value, Error> {
        let [reply] = self.requests([(subject, body)]).await?;
        Ok(reply)
    }

    /// Sends requests together, and returns the JSON of their replies in the order of the requests.
    ///
    /// # Errors
    ///
    /// When a reply does not arrive in time, or is no JSON.
    pub(super) async fn requests<const N: usize>(&mut self, requests: [(&str, &str); N]) -> Result<[Value; N], Error> {
        let requesting = async {
            let mut frames = format!("SUB {INBOX}* 1\r\nUNSUB 1 {N}\r\n");
            for (number, (subject, body)) in requests.into_iter().enumerate() {
                let _ = write!(frames, "PUB {subject} {INBOX}{number} {}\r\n{body}\r\n", body.len());
            }
            self.send(frames.as_bytes()).await?;
            let mut replies = [const { Value::Null }; N];
            // The server may answer them in another order.
            for _ in 0..N {
                let Reply { number, body } = self.reply().await?;
                let (Some(reply), Some((subject, _))) = (replies.get_mut(number), requests.get(number)) else {
                    continue;
                };
                let json = serde_json::from_slice(&body);
                *reply = json.map_err(|error| failed_to(&format!("read the reply on {subject}"), &error))?;
            }
            Ok(replies)
        };
        tokio::time::timeout(TIMEOUT, requesting).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// Waits for the reply to a request. The replies to the requests of itest have no headers, so `HMSG` is not read.
    async fn reply(&mut self) -> Result<Reply, Error> {
        loop {
            let line = self.line().await?;
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words[..] {
                ["MSG", subject, .., size] => {
                    let number = subject.strip_prefix(INBOX).and_then(|number| number.parse().ok());
                    let (Some(number), Ok(size)) = (number, size.parse::<usize>()) else {
                        return Err(Error::new("the server has sent a message that is no reply to a request of itest"));
                    };
                    let mut body = vec![0; size + 2];
                    self.stream.read_exact(&mut body).await?;
                    body.truncate(size);
                    return Ok(Reply { number, body });
                }
                ["PING"] => self.send(b"PONG\r\n").await?,
                ["-ERR", ..] => return Err(refused(line.trim_start_matches("-ERR "))),
                _ => {}
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(Error::from)
    }

    /// Waits for the answer to a ping.
    async fn pong(&mut self) -> Result<(), Error> {
        loop {
            let line = self.line().await?;
            match line.split_once(' ').unwrap_or((&line, "")) {
                ("PONG", _) => return Ok(()),
                ("PING", _) => self.send(b"PONG\r\n").await?,
                ("-ERR", reason) => return Err(refused(reason)),
                _ => {}
            }
        }
    }

    async fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).await?;
        if length == 0 {
            return Err(Error::new("the server has closed the connection"));
        }
        Ok(line.trim_end().to_owned())
    }
}

impl PublishingClient for Client {
    async fn connect(address: SocketAddr, login: Option<&Login>) -> Result<Self, Error> {
        Self::connect(address, login).await
    }

    async fn publish(&mut self, content: &Content) -> Result<(), Error> {
        let mut frame = publication(content);
        frame.extend_from_slice(b"PING\r\n");
        let publishing = async {
            self.send(&frame).await?;
            self.pong().await
        };
        tokio::time::timeout(TIMEOUT, publishing).await.unwrap_or_else(|_| Err(no_answer()))
    }
}

/// The error for a refusal of the server, with the reason that the server gives.
fn refused(reason: &str) -> Error {
    if reason.contains("Authorization") {
        return RefusedLogin::error(format!("the server says {reason}; check user and password in the URL"));
    }
    Error::new(format!("the server says {reason}"))
}

fn no_answer() -> Error {
    Error::new(format!("the server does not answer within {TIMEOUT:?}"))
}
