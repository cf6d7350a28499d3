//! Tests of mailboxes: what senders of other projects send, what a test reads back, and clients that do not comply.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod content;
mod faults;
mod floods;
mod hostile;
mod senders;

use itest::prelude::*;
use itest::{MailServer, MailServerOptions};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

itest::main!();

/// A mail server that requires TLS and a login.
struct Secure;

impl MailServer for Secure {
    const NAME: &'static str = "secure mail";

    fn options() -> MailServerOptions {
        MailServerOptions::new().starttls().login("shop", "s3cret/å")
    }
}

/// A mail server that requires a login.
struct WithLogin;

impl MailServer for WithLogin {
    fn options() -> MailServerOptions {
        MailServerOptions::new().login("shop", "s3cret")
    }
}

/// A mail server that accepts small mails only.
struct Small;

impl MailServer for Small {
    fn options() -> MailServerOptions {
        MailServerOptions::new().max_bytes(100_000)
    }
}

/// A client that sends exactly what a test says.
struct RawClient(BufReader<TcpStream>);

impl RawClient {
    /// Connects, and reads the greeting.
    async fn connect<S: MailServer>(mailbox: &Mailbox<S>) -> Result<Self> {
        let stream = TcpStream::connect((mailbox.host(), mailbox.port())).await?;
        let mut client = Self(BufReader::new(stream));
        assert!(client.reply().await?.starts_with("220 "));
        Ok(client)
    }

    /// Sends lines, and returns the reply to the last one.
    async fn send_lines(&mut self, lines: &[&str]) -> Result<String> {
        let mut last = String::new();
        for line in lines {
            self.0.write_all(format!("{line}\r\n").as_bytes()).await?;
            last = self.reply().await?;
        }
        Ok(last)
    }

    /// Begins a message from the shop to Ada, up to the reply to DATA.
    async fn begin_message(&mut self) -> Result<()> {
        let lines = ["EHLO x", "MAIL FROM:<shop@example.org>", "RCPT TO:<ada@example.org>", "DATA"];
        assert!(self.send_lines(&lines).await?.starts_with("354 "));
        Ok(())
    }

    /// Sends bytes, and returns the next reply.
    async fn send(&mut self, bytes: &[u8]) -> Result<String> {
        self.0.write_all(bytes).await?;
        self.reply().await
    }

    /// The last line of the next reply, or an empty text if the connection has ended.
    async fn reply(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    /// Whether the server has closed the connection.
    async fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]).await, Ok(0) | Err(_))
    }
}
