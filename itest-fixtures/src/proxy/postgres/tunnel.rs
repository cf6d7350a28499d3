//! A connection to PostgreSQL through a proxy.

use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use itest_runtime::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp;

use super::failure::failing_statement;
use super::message::{FirstMessage, Message, first_message};
use super::passing::Passing;
use super::session::{Finished, FromClient, FromServer, Refused, Running, Session};
use crate::proxy::recorder::Recorder;
use crate::proxy::tunnel::{End, Stream};

/// The longest first message that PostgreSQL accepts.
const MAX_STARTUP_BYTES: u64 = 10_000;

/// The answer to a client that asks for TLS: the connection goes on without it.
const NO_ENCRYPTION: &[u8] = b"N";

/// Connects a client with the server until one of them closes the connection, or a fault ends it.
pub(in crate::proxy) async fn tunnel(
    client: &mut TcpStream,
    mut service: Box<dyn Stream>,
    recorder: &Recorder,
) -> io::Result<End> {
    let (startup, beginning) = match begin(client).await? {
        Beginning::Message(first, bytes) => (first, bytes),
        Beginning::ClientLeft => return Ok(End::Closed),
        Beginning::NotPostgres => return Ok(End::Reset),
    };
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

/// How a connection begins.
enum Beginning {
    /// With a session, or with the cancellation of a statement. The bytes contain the message.
    Message(FirstMessage, Vec<u8>),
    ClientLeft,
    /// With bytes of another protocol, such as TLS that the client has not asked for.
    NotPostgres,
}

/// Reads the first message of a client.
async fn begin(client: &mut TcpStream) -> io::Result<Beginning> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        match first_message(&bytes) {
            Some(FirstMessage::Encryption) => {
                bytes.drain(..8);
                client.write_all(NO_ENCRYPTION).await?;
            }
            Some(FirstMessage::Cancel { bytes: length } | FirstMessage::Startup { bytes: length })
                if length > MAX_STARTUP_BYTES =>
            {
                return Ok(Beginning::NotPostgres);
            }
            Some(first @ (FirstMessage::Cancel { bytes: length } | FirstMessage::Startup { bytes: length })) => {
                while (bytes.len() as u64) < length {
                    if client.read_buf(&mut bytes).await? == 0 {
                        return Ok(Beginning::ClientLeft);
                    }
                }
                return Ok(Beginning::Message(first, bytes));
            }
            None if client.read_buf(&mut bytes).await? == 0 => return Ok(Beginning::ClientLeft),
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
        if session.is_idle_in_transaction() {
            self.recorder.end_in_transaction();
        }
        for mut running in session.take_unfinished() {
            let error = running.take_error();
            let Running { sql, exchange, .. } = running;
            match error {
                Some(error) => self.recorder.record_statement(&sql, exchange, Err(error)),
                None => self.recorder.record_unfinished(&sql, exchange),
            }
        }
    }
}

/// What happens to a message of the client.
enum Passage {
    Pass,
    /// The message waits for its latency.
    PassLater(Duration),
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
                        return tokio::select! {
                            ended = swallow(from) => ended,
                            () = self.recorder.body_ended() => Ok(End::Reset),
                        };
                    }
                    Passage::Reset => {
                        buffer.write_to(&mut to).await?;
                        return Ok(End::Reset);
                    }
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
        // How many bytes of an answer may pass before the connection is reset.
        let mut left = None;
        loop {
            while let Some(message) = buffer.next() {
                let bytes = message.bytes;
                let event = self.session().read_server(&message);
                let is_finished = event.finished.is_some();
                let (fault, is_hidden, reset_after) = (event.fault, event.is_hidden, event.reset_after_message);
                self.record(event);
                match fault {
                    Some(Fault::ResetDuring) if is_finished => {
                        buffer.write_to(&mut to).await?;
                        return Ok(End::Reset);
                    }
                    Some(Fault::Cut(length)) => {
                        let remaining = left.unwrap_or(length);
                        if bytes >= remaining {
                            buffer.write_to(&mut to).await?;
                            return cut(buffer.bytes, remaining, &mut from, &mut to).await;
                        }
                        left = (!is_finished).then_some(remaining - bytes);
                    }
                    _ => {}
                }
                if is_hidden {
                    buffer.write_to(&mut to).await?;
                    buffer.skip(bytes);
                } else {
                    buffer.pass(bytes);
                }
                if reset_after {
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

    /// Records what a message of the server says about statements.
    fn record(&self, event: FromServer) {
        let FromServer { finished, fault, refused, skipped, .. } = event;
        if let Some(Finished { running: Running { sql, exchange, .. }, result }) = finished {
            // The client does not get the result of a statement during which the connection is reset.
            match fault {
                Some(Fault::ResetDuring) => self.recorder.record_unfinished(&sql, exchange),
                _ => self.recorder.record_statement(&sql, exchange, result),
            }
        }
        match refused {
            Some(Refused::Session(exchange, error)) => self.recorder.record_refused_session(*exchange, error),
            Some(Refused::Statement(sql, error)) => {
                let exchange = self.recorder.exchange("");
                self.recorder.record_statement(&sql, exchange, Err(error));
            }
            None => {}
        }
        for Running { sql, exchange, .. } in skipped {
            self.recorder.record_unfinished(&sql, exchange);
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
            Some(Fault::SqlState(code)) => {
                Passage::Replace(failing_statement(&mut self.session(), code, &sql, execution))
            }
            _ => Passage::Pass,
        };
        self.session().begin(Running::new(Arc::clone(&sql), exchange, fault), execution);
        passage
    }
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
    Ok(End::ResetAfterAnswer)
}
