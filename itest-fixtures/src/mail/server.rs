//! Accepts the connections to a mailbox, and serves each of them in a task.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::credentials::{Login, log_in};
use super::delivery::{AfterDelivery, deliver};
use super::envelope::Envelope;
use super::message_reader::MessageEnd;
use super::received_mail::Mail;
use super::recorder::Recorder;
use super::session::{Answer, Session};
use super::smtp::{CommandLine, Reply, SmtpStream, accepted};
use crate::tls::HandshakeFailure;

/// How many commands of a connection may be refused before it ends.
const MAX_REFUSALS: u32 = 20;

/// How long the server pauses when it cannot accept a connection.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

/// Accepts connections until it is stopped. Then open connections are cut off.
pub(super) async fn serve(
    listener: TcpListener,
    recorder: Arc<Recorder>,
    tls: Option<Arc<ServerConfig>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        match accepted {
            Ok((stream, _)) => {
                recorder.add_connection();
                let (recorder, tls) = (Arc::clone(&recorder), tls.clone());
                connections.spawn(async move { serve_connection(stream, &recorder, tls).await });
            }
            // If the process has no free descriptors, every further call fails at once.
            Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}

/// What follows on a connection.
enum Next {
    Command,
    StartTls,
    Close,
    Reset,
    ResetAfterReply,
}

async fn serve_connection(stream: TcpStream, recorder: &Recorder, tls: Option<Arc<ServerConfig>>) {
    let _ = stream.set_nodelay(true);
    let mut connection =
        Connection { session: Session::new(&recorder.options), recorder, refusals: 0, unfinished: None };
    let mut stream = accepted(stream);
    let mut next = stream.send(&Reply::new(220, "itest ESMTP")).await.map(|()| Next::Command);
    loop {
        match next {
            Ok(Next::Command) => next = connection.serve_command(&mut stream).await,
            Ok(Next::Close) => return stream.close().await,
            Ok(Next::Reset) => return stream.reset(),
            Ok(Next::ResetAfterReply) => return stream.reset_after_reply().await,
            Ok(Next::StartTls) => match connection.start_tls(stream, tls.as_ref()).await {
                ControlFlow::Continue(secured) => (stream, next) = (secured, Ok(Next::Command)),
                ControlFlow::Break(()) => return,
            },
            Err(_) => return connection.unfinished.into_iter().for_each(|point| recorder.record_lost(point)),
        }
    }
}

/// The connection of a client.
struct Connection<'r> {
    session: Session<'r>,
    recorder: &'r Recorder,
    refusals: u32,
    /// How far the client has come with a mail that is not complete, for the report if the client closes its connection.
    unfinished: Option<&'static str>,
}

impl Connection<'_> {
    async fn serve_command(&mut self, stream: &mut SmtpStream) -> io::Result<Next> {
        let line = match stream.read_line().await? {
            CommandLine::Line(line) => line,
            CommandLine::Closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            CommandLine::Invalid(reason) => {
                let reply = Reply::new(500, format!("5.5.2 {reason}"));
                return self.refuse_and_close(stream, "the bytes of a client", &reply, reason).await;
            }
        };
        match self.session.answer(&line) {
            Answer::Reply(reply) => stream.send(&reply).await?,
            Answer::Refusal(reply, reason) => return self.refuse(stream, &verb(&line), &reply, &reason).await,
            Answer::Message(envelope) => return self.receive(stream, envelope).await,
            Answer::Login { mechanism, initial } => return self.log_in(stream, mechanism, &initial).await,
            Answer::StartTls if stream.has_unread() => {
                let reason = "commands that were sent before the handshake could be those of an attacker";
                let reply = Reply::new(503, format!("5.5.1 {reason}"));
                return self.refuse_and_close(stream, "STARTTLS", &reply, reason).await;
            }
            Answer::StartTls => {
                stream.send(&Reply::new(220, "2.0.0 begin TLS")).await?;
                return Ok(Next::StartTls);
            }
            Answer::Quit => {
                stream.send(&Reply::new(221, "2.0.0 goodbye")).await?;
                return Ok(Next::Close);
            }
        }
        self.unfinished = self.session.has_begun_mail().then_some("before its mail was complete");
        Ok(Next::Command)
    }

    /// Refuses what a client sent, and ends its connection, because the server does not know how to read what follows.
    async fn refuse_and_close(
        &self,
        stream: &mut SmtpStream,
        what: &str,
        reply: &Reply,
        reason: &str,
    ) -> io::Result<Next> {
        self.recorder.refuse(what, reply, reason);
        stream.send(reply).await?;
        Ok(Next::Close)
    }

    /// Refuses a command. After too many refusals, the server closes the connection.
    async fn refuse(&mut self, stream: &mut SmtpStream, what: &str, reply: &Reply, reason: &str) -> io::Result<Next> {
        self.recorder.refuse(what, reply, reason);
        self.refusals += 1;
        if self.refusals >= MAX_REFUSALS {
            stream.send(&Reply::new(421, "4.7.0 too many commands were refused")).await?;
            return Ok(Next::Close);
        }
        stream.send(reply).await?;
        Ok(Next::Command)
    }

    async fn receive(&mut self, stream: &mut SmtpStream, envelope: Envelope) -> io::Result<Next> {
        stream.send(&Reply::new(354, "end the message with a line that is a dot")).await?;
        self.unfinished = Some("in the middle of a message");
        let max_bytes = self.recorder.options.max_bytes;
        let end = stream.read_message(max_bytes).await?;
        self.unfinished = None;
        match end {
            MessageEnd::Complete(raw) => {
                if let Err(full) = self.recorder.inbox.reserve(raw.len()) {
                    let reply = Reply::new(452, format!("4.2.2 {full}"));
                    return self.refuse(stream, "a message", &reply, &full.to_string()).await;
                }
                let after = deliver(self.recorder, stream, Mail::new(envelope, raw)).await?;
                Ok(match after {
                    AfterDelivery::Continue => Next::Command,
                    AfterDelivery::Reset => Next::Reset,
                    AfterDelivery::ResetAfterReply => Next::ResetAfterReply,
                })
            }
            MessageEnd::TooLarge(bytes) => {
                let reason = format!("the mail has {bytes} bytes, and the limit is {max_bytes}");
                let reply = Reply::new(552, format!("5.3.4 {reason}"));
                self.refuse(stream, "a message", &reply, &reason).await
            }
            MessageEnd::BareLineEnd(character) => {
                let reason = format!("a line ends with {character} alone, so a second mail could be smuggled in");
                let reply = Reply::new(554, format!("5.6.0 {reason}"));
                self.refuse_and_close(stream, "a message", &reply, &reason).await
            }
        }
    }

    async fn log_in(&mut self, stream: &mut SmtpStream, mechanism: u64, initial: &str) -> io::Result<Next> {
        let Some(expected) = &self.recorder.options.credentials else { return Ok(Next::Close) };
        match log_in(stream, mechanism, initial, expected).await? {
            Login::Accepted => {
                self.session.logged_in();
                stream.send(&Reply::new(235, "2.7.0 the client is logged in")).await?;
                Ok(Next::Command)
            }
            Login::Refused { user } => {
                let reason = if user == expected.user {
                    format!("the password of {user:?} is not the one that the mailbox requires")
                } else {
                    format!("the mailbox requires the user {:?}", expected.user)
                };
                self.refuse(stream, "AUTH", &Reply::new(535, format!("5.7.8 {reason}")), &reason).await
            }
            Login::Invalid(reason) => {
                self.refuse(stream, "AUTH", &Reply::new(501, format!("5.5.2 {reason}")), reason).await
            }
        }
    }

    async fn start_tls(&mut self, stream: SmtpStream, tls: Option<&Arc<ServerConfig>>) -> ControlFlow<(), SmtpStream> {
        let Some(config) = tls else { return ControlFlow::Break(()) };
        match stream.start_tls(Arc::clone(config)).await {
            Ok(stream) => {
                self.session.secured();
                ControlFlow::Continue(stream)
            }
            Err(HandshakeFailure::Invalid(reason)) => {
                let reason = format!("the bytes after STARTTLS are no handshake: {reason}");
                self.recorder.refuse("STARTTLS", &Reply::new(500, "no handshake"), &reason);
                ControlFlow::Break(())
            }
            Err(HandshakeFailure::RefusedByClient(reason)) => {
                self.recorder.record_lost(&format!("in the handshake of TLS: {reason}"));
                ControlFlow::Break(())
            }
            Err(HandshakeFailure::Lost) => {
                self.recorder.record_lost("in the handshake of TLS");
                ControlFlow::Break(())
            }
        }
    }
}

/// The command of a line, without its arguments, which may be secret.
fn verb(line: &[u8]) -> String {
    let verb = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let printable = verb.iter().take(10).map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' });
    let verb: String = printable.collect::<String>().to_ascii_uppercase();
    if verb.is_empty() { "an empty line".to_owned() } else { verb }
}
