//! Lines, replies and messages on a connection of SMTP.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::message_reader::{MessageEnd, MessageReader};
use crate::tls::{HandshakeFailure, accept};
use crate::transport::Transport;

/// The longest line of a command. The longest one that a client needs is that of AUTH.
const MAX_LINE_BYTES: u64 = 16 * 1024;

/// How long a client may take to read a reply before its connection is reset.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// A reply of the server. A text with several lines is sent as several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    text: String,
}

impl Reply {
    pub(super) fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    pub(super) fn code(&self) -> u16 {
        self.code
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The reply as it is sent.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = String::new();
        let lines: Vec<&str> = self.text.lines().collect();
        for (position, line) in lines.iter().enumerate() {
            let separator = if position + 1 < lines.len() { '-' } else { ' ' };
            let _ = write!(bytes, "{}{separator}{line}\r\n", self.code);
        }
        bytes.into_bytes()
    }
}

/// What a client sent in the place of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CommandLine {
    /// A line, with CR and LF at its end.
    Line(Vec<u8>),
    /// The client has closed the connection.
    Closed,
    /// Bytes that are no line, and why. The connection has to end.
    Invalid(&'static str),
}

/// The connection of a client.
#[derive(Debug)]
pub(super) struct SmtpStream(BufReader<Transport>);

impl SmtpStream {
    pub(super) fn new(transport: Transport) -> Self {
        Self(BufReader::new(transport))
    }

    /// Reads a line.
    pub(super) async fn read_line(&mut self) -> io::Result<CommandLine> {
        let mut line = Vec::new();
        let mut limited = (&mut self.0).take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut line).await?;
        Ok(match line.as_slice() {
            [] => CommandLine::Closed,
            [0x16, 0x03, ..] => {
                CommandLine::Invalid("the client begins TLS without STARTTLS, but the port is one of plain SMTP")
            }
            _ if line.len() as u64 == MAX_LINE_BYTES => CommandLine::Invalid("the line is too long"),
            [text @ .., b'\r', b'\n'] if !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) => {
                CommandLine::Line(line)
            }
            [.., b'\n'] => CommandLine::Invalid("a line must end with CR and LF, and contain neither alone"),
            _ => CommandLine::Closed,
        })
    }

    /// Whether the client has sent something that was not read yet.
    pub(super) fn has_unread(&self) -> bool {
        !self.0.buffer().is_empty()
    }

    /// Reads a message up to the line with a single dot.
    ///
    /// # Errors
    ///
    /// With [`io::ErrorKind::UnexpectedEof`] if the connection ends before.
    pub(super) async fn read_message(&mut self, max_bytes: usize) -> io::Result<MessageEnd> {
        let mut reader = MessageReader::new(max_bytes);
        loop {
            self.0.get_ref().acknowledge_at_once();
            let bytes = self.0.fill_buf().await?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (read, end) = reader.read(bytes);
            self.0.consume(read);
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Sends a reply.
    pub(super) async fn send(&mut self, reply: &Reply) -> io::Result<()> {
        self.send_bytes(&reply.to_bytes()).await
    }

    /// Sends a part of a reply.
    pub(super) async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    /// Performs the handshake of TLS.
    pub(super) async fn start_tls(self, config: Arc<ServerConfig>) -> Result<Self, HandshakeFailure> {
        match self.0.into_inner() {
            Transport::Plain(stream) => accept(stream, config).await.map(Self::new),
            transport @ Transport::Tls(_) => Ok(Self::new(transport)),
        }
    }

    /// Resets the connection.
    pub(super) fn reset(self) {
        // If the client has closed the connection, there is nothing to reset.
        let _ = self.0.get_ref().reset_on_drop();
    }

    /// Resets the connection when the client has read what was sent. A reset deletes what the client has not read, and it has read the
    /// reply when it sends something again.
    pub(super) async fn reset_after_reply(mut self) {
        let _ = tokio::time::timeout(READ_TIMEOUT, self.0.fill_buf()).await;
        self.reset();
    }

    /// Ends the connection after the last reply, and reads and ignores what the client still sends. If bytes were left unread, the system would
    /// reset the connection, and the client could lose the reply.
    pub(super) async fn close(mut self) {
        if self.0.shutdown().await.is_err() {
            return;
        }
        while let Ok(bytes) = self.0.fill_buf().await {
            let read = bytes.len();
            if read == 0 {
                return;
            }
            self.0.consume(read);
        }
    }
}

/// A connection of a client that was accepted.
pub(super) fn accepted(stream: TcpStream) -> SmtpStream {
    SmtpStream::new(Transport::Plain(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_with_several_lines_is_sent_as_several_lines() {
        assert_eq!(
            Reply::new(250, "itest\nPIPELINING\nSIZE 10").to_bytes(),
            b"250-itest\r\n250-PIPELINING\r\n250 SIZE 10\r\n"
        );
        assert_eq!(Reply::new(334, " ").to_bytes(), b"334  \r\n");
    }
}
