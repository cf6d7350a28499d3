//! A connection to PostgreSQL through a proxy.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::{Fault, SqlState};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp;

use super::message::{FirstMessage, Message, first_message, message};
use super::session::{Execution, FromClient, Running, Session, Step};
use crate::proxy::recorder::Recorder;
use crate::proxy::tunnel::{BUFFER_BYTES, End, Stream};

/// The answer to a client that asks for TLS: the connection goes on without it.
const NO_ENCRYPTION: &[u8] = b"N";

/// Connects a client with the server until one of them closes the connection, or a fault ends it.
pub(in crate::proxy) async fn tunnel(
    client: &mut TcpStream,
    mut service: Box<dyn Stream>,
    recorder: &Recorder,
) -> io::Result<End> {
    let Some((startup, beginning)) = begin(client).await? else { return Ok(End::Closed) };
    service.write_all(&beginning).await?;
    if matches!(startup, FirstMessage::Cancel { .. }) {
        // The server closes the connection when it has read the request.
        let mut rest = Vec::new();
        service.read_to_end(&mut rest).await?;
        return Ok(End::Closed);
    }
    let session = Mutex::new(Session::new(recorder.exchange("connect")));
    let connection = Connection { recorder, session };
    let (client_reads, client_writes) = client.split();
    let (service_reads, service_writes) = tokio::io::split(service);
    let ended = tokio::select! {
        ended = connection.pass_to_service(client_reads, service_writes) => ended,
        ended = connection.pass_to_client(service_reads, client_writes) => ended,
    };
    drop(connection);
    ended
}

/// Reads the first message of a client, which begins a session or cancels a statement. None if the client goes away.
async fn begin(client: &mut TcpStream) -> io::Result<Option<(FirstMessage, Vec<u8>)>> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        match first_message(&bytes) {
            Some(FirstMessage::Encryption) => {
                bytes.drain(..8);
                client.write_all(NO_ENCRYPTION).await?;
            }
            Some(first @ (FirstMessage::Cancel { bytes: length } | FirstMessage::Startup { bytes: length })) => {
                while (bytes.len() as u64) < length {
                    if client.read_buf(&mut bytes).await? == 0 {
                        return Ok(None);
                    }
                }
                return Ok(Some((first, bytes)));
            }
            None if client.read_buf(&mut bytes).await? == 0 => return Ok(None),
            None => {}
        }
    }
}

/// A session and its record. What is unfinished when the connection ends is recorded then, also if its task is cancelled.
struct Connection<'r> {
    recorder: &'r Recorder,
    session: Mutex<Session>,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let session = self.session.get_mut().unwrap_or_else(PoisonError::into_inner);
        for running in session.take_unfinished() {
            let Running { sql, exchange, .. } = running;
            self.recorder.record_unfinished(&sql, exchange);
        }
    }
}

/// What happens to a message of the client.
enum Passage {
    Pass,
    /// The message waits for its latency.
    PassLater(std::time::Duration),
    /// The server gets these messages instead.
    Replace(Vec<u8>),
    /// The server gets neither this message nor any later one.
    Swallow,
    Reset,
}

impl Connection<'_> {
    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the client's messages to the server.
    async fn pass_to_service(
        &self,
        mut from: tcp::ReadHalf<'_>,
        mut to: WriteHalf<Box<dyn Stream>>,
    ) -> io::Result<End> {
        let mut buffer = Passing::default();
        loop {
            while let Some(message) = buffer.next() {
                let bytes = message.bytes;
                match self.decide(&message) {
                    Passage::Pass => buffer.pass(bytes),
                    Passage::PassLater(latency) => {
                        buffer.write_to(&mut to).await?;
                        tokio::time::sleep(latency).await;
                        buffer.pass(bytes);
                    }
                    Passage::Replace(messages) => {
                        buffer.write_to(&mut to).await?;
                        to.write_all(&messages).await?;
                        buffer.skip(bytes);
                    }
                    Passage::Swallow => {
                        buffer.write_to(&mut to).await?;
                        return swallow(from).await;
                    }
                    Passage::Reset => return Ok(End::Reset),
                }
            }
            buffer.write_to(&mut to).await?;
            if from.read_buf(&mut buffer.bytes).await? == 0 {
                to.shutdown().await?;
                // The server closes the connection, which ends the other direction.
                return pending().await;
            }
        }
    }

    /// Passes the server's messages to the client.
    async fn pass_to_client(&self, mut from: ReadHalf<Box<dyn Stream>>, mut to: tcp::WriteHalf<'_>) -> io::Result<End> {
        let mut buffer = Passing::default();
        loop {
            while let Some(message) = buffer.next() {
                let (kind, bytes) = (message.kind, message.bytes);
                let event = self.session().read_server(&message);
                if let Some(finished) = event.finished {
                    let Running { sql, exchange, .. } = finished.running;
                    self.recorder.record_statement(&sql, exchange, finished.result);
                }
                if let Some(refused) = event.refused {
                    let exchange = self.recorder.exchange("");
                    self.recorder.record_statement(&refused.sql, exchange, Err(refused.error));
                }
                match event.fault {
                    Some(Fault::ResetDuring) if matches!(kind, b'C' | b'E' | b'I' | b's') => {
                        buffer.write_to(&mut to).await?;
                        return Ok(End::Reset);
                    }
                    Some(Fault::Cut(length)) => {
                        buffer.write_to(&mut to).await?;
                        return cut(buffer.bytes, length, &mut from, &mut to).await;
                    }
                    _ if event.is_hidden => {
                        buffer.write_to(&mut to).await?;
                        buffer.skip(bytes);
                    }
                    _ => buffer.pass(bytes),
                }
                if event.resets_behind {
                    buffer.write_to(&mut to).await?;
                    return Ok(End::ResetAfterAnswer);
                }
            }
            buffer.write_to(&mut to).await?;
            if from.read_buf(&mut buffer.bytes).await? == 0 {
                return Ok(End::Closed);
            }
        }
    }

    /// Decides what happens to a message of the client.
    fn decide(&self, message: &Message<'_>) -> Passage {
        let (sql, execution) = match self.session().read_client(message) {
            FromClient::Statement(sql, execution) => (sql, execution),
            FromClient::Other => return Passage::Pass,
        };
        let fault = self.recorder.fault_of_statement(&sql);
        let mut exchange = self.recorder.exchange("");
        exchange.request_bytes = message.bytes;
        exchange.fault = fault.map(|fault| fault.to_string());
        let passage = match fault {
            Some(Fault::Latency(latency)) => Passage::PassLater(latency),
            Some(Fault::Timeout) => Passage::Swallow,
            Some(Fault::ResetBefore) => Passage::Reset,
            Some(Fault::SqlState(code)) => Passage::Replace(self.failing_statement(code, execution)),
            _ => Passage::Pass,
        };
        self.session().begin(Running::new(Arc::clone(&sql), exchange, fault), execution);
        passage
    }

    /// The messages that make the server itself fail, so that it also aborts the transaction.
    fn failing_statement(&self, code: SqlState, execution: Execution) -> Vec<u8> {
        let sql = format!("DO $$ BEGIN RAISE EXCEPTION 'a fault was injected' USING ERRCODE = '{code}'; END $$\0");
        if execution == Execution::Query {
            return with_head(b'Q', sql.as_bytes());
        }
        let mut session = self.session();
        session.begin_own(Step::Parse);
        session.begin_own(Step::Bind);
        drop(session);
        let parse = with_head(b'P', &[b"\0", sql.as_bytes(), &[0, 0]].concat());
        let bind = with_head(b'B', &[0; 8]);
        let execute = with_head(b'E', &[0; 5]);
        [parse, bind, execute].concat()
    }
}

/// A message of this type.
fn with_head(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).unwrap_or(u32::MAX);
    [&[kind][..], &length.to_be_bytes(), payload].concat()
}

/// Reads what the client sends, and passes none of it.
async fn swallow(mut from: tcp::ReadHalf<'_>) -> io::Result<End> {
    let mut buffer = [0; 1024];
    while from.read(&mut buffer).await? > 0 {}
    Ok(End::Closed)
}

/// Passes this many bytes of an answer, whose beginning has been read.
async fn cut(
    beginning: Vec<u8>,
    length: u64,
    from: &mut ReadHalf<Box<dyn Stream>>,
    to: &mut tcp::WriteHalf<'_>,
) -> io::Result<End> {
    let mut answer = io::Cursor::new(beginning).chain(from).take(length);
    tokio::io::copy(&mut answer, to).await?;
    Ok(End::Reset)
}

/// The bytes of one direction that were read and not written yet.
struct Passing {
    bytes: Vec<u8>,
    /// How many of the bytes may be written.
    ready: usize,
    /// How many bytes of the current message have not been read yet, and may be written when they are.
    expected: u64,
    /// How many bytes of the current message have not been read yet, and are dropped when they are.
    dropped: u64,
}

impl Default for Passing {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(BUFFER_BYTES), ready: 0, expected: 0, dropped: 0 }
    }
}

impl Passing {
    /// The next message about which something must be decided.
    fn next(&mut self) -> Option<Message<'_>> {
        self.advance();
        message(&self.bytes[self.ready..])
    }

    /// Lets the bytes pass, or drops them, that belong to a message about which everything is decided.
    fn advance(&mut self) {
        let unread = self.bytes.len() - self.ready;
        let dropped = unread.min(usize::try_from(self.dropped).unwrap_or(usize::MAX));
        self.bytes.drain(self.ready..self.ready + dropped);
        self.dropped -= dropped as u64;
        let expected = (unread - dropped).min(usize::try_from(self.expected).unwrap_or(usize::MAX));
        self.ready += expected;
        self.expected -= expected as u64;
    }

    /// Lets the next message pass, which has this length.
    fn pass(&mut self, length: u64) {
        self.expected = length;
        self.advance();
    }

    /// Drops the next message, which has this length.
    fn skip(&mut self, length: u64) {
        self.dropped = length;
    }

    async fn write_to(&mut self, to: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
        if self.ready > 0 {
            to.write_all(&self.bytes[..self.ready]).await?;
            to.flush().await?;
            self.bytes.drain(..self.ready);
            self.ready = 0;
        }
        Ok(())
    }
}
