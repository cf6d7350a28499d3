//! The tap: a port through which the code under test connects to the broker, and which sees each message.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use itest_runtime::{ConnectionFault, Error, Fault, Teardown, TestInfo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::content::Content;
use super::direction::Direction;
use super::protocol::{Frame, FrameReader, MAX_MESSAGE_BYTES, Meaning, Reading, Side, TappedProtocol};
use super::recorder::Messages;
use crate::failure::failed_to;
use crate::proxy::reset_on_drop;

/// How long the tap pauses when it cannot accept a connection.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

/// How long a client may take to read a message before its connection is reset.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// How long the broker may take to close a connection whose client has left.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The size of the buffer for each direction. It grows with longer frames.
const BUFFER_BYTES: usize = 16 * 1024;

/// The tap of a test, and the messages that pass it.
#[derive(Debug)]
pub(crate) struct Tap {
    /// The address with which the code under test connects.
    pub(crate) address: SocketAddr,
    pub(crate) messages: Messages,
}

impl Tap {
    /// Opens the tap of a test. It leads to the broker until the test has been torn down.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub(crate) async fn open(
        broker: Arc<dyn TappedProtocol>,
        info: &TestInfo,
        teardown: &Teardown,
    ) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(|error| failed_to("open a port for the messages", &error))?;
        let address = listener.local_addr().map_err(|error| failed_to("read the port for the messages", &error))?;
        let (name, protocol) = (broker.name(), Arc::clone(&broker));
        let messages = Messages::of_test(protocol, info, teardown);
        let (running, stopping) = watch::channel(());
        let serving = tokio::spawn(serve(listener, broker, messages.clone(), stopping));
        teardown.defer(format!("close the connections to {name}"), async move {
            // The tap and its connections stop when the sender is dropped.
            drop(running);
            serving.await.map_err(Error::from)
        });
        Ok(Self { address, messages })
    }
}

/// Accepts connections until the test is torn down, and then closes all of them. It returns when the broker has processed everything that came
/// through them, because a message that it processes later would reach the next test.
async fn serve(
    listener: TcpListener,
    broker: Arc<dyn TappedProtocol>,
    messages: Messages,
    mut stopping: watch::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    for number in 1_u64.. {
        let client = tokio::select! {
            client = accept(&listener) => client,
            _ = stopping.changed() => break,
        };
        let (broker, messages, stopping) = (Arc::clone(&broker), messages.clone(), stopping.clone());
        let connection = Connection { number, broker, messages, stopping };
        connections.spawn(connection.run(client));
        while connections.try_join_next().is_some() {}
    }
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        // A connection can be lost before it is accepted. The client sees that error, so the tap ignores it.
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // If the process has no free descriptors, every further call fails at once.
            Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client or the broker has closed it.
    Closed,
    /// The tap resets it.
    Reset,
    /// The tap resets it when the client has read the last message.
    ResetAfterDelivery,
}

/// A connection of a client.
struct Connection {
    /// The position among all connections of the tap, counted from 1.
    number: u64,
    broker: Arc<dyn TappedProtocol>,
    messages: Messages,
    /// Changes when the test is torn down.
    stopping: watch::Receiver<()>,
}

impl Connection {
    async fn run(self, mut client: TcpStream) {
        let fault = self.messages.fault_of_connection();
        if fault == Some(ConnectionFault::HalfOpen) {
            self.messages.body_ended().await;
        }
        if fault.is_some() {
            return reset_on_drop(&client);
        }
        let connected = TcpStream::connect(self.broker.address()).await;
        let Ok(mut server) = connected else { return reset_on_drop(&client) };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let mut stopping = self.stopping.clone();
        let end = tokio::select! {
            end = self.pass_both(&mut client, &mut server) => end.unwrap_or(End::Reset),
            _ = stopping.changed() => End::Closed,
        };
        if end == End::ResetAfterDelivery {
            // A reset deletes what the client has not read. The client has read the message when it sends something again.
            let _ = tokio::time::timeout(READ_TIMEOUT, client.peek(&mut [0])).await;
        }
        if end != End::Closed {
            reset_on_drop(&client);
        }
        // The end is noted before the client sees it and connects again: the acknowledgement of a redelivery also counts for the first delivery.
        self.messages.note_end_of_connection(self.number);
        drop(client);
        // Closing a connection with unread bytes resets it, and a reset would delete what the broker has not read yet.
        // An error means that the broker has closed the connection, too.
        if tokio::time::timeout(CLOSE_TIMEOUT, close(server)).await.is_ok() {
            self.broker.note_closed_connection();
        }
    }

    /// Passes frames until one side has closed the connection and the other has got everything, or a fault ends it.
    async fn pass_both(&self, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<End> {
        let reader = Mutex::new(self.broker.reader());
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        let to_server = Passage { connection: self, reader: &reader, sender: Side::Client };
        let to_client = Passage { connection: self, reader: &reader, sender: Side::Server };
        let mut to_client = pin!(to_client.pass(server_reads, client_writes));
        let end = tokio::select! {
            end = to_server.pass(client_reads, server_writes) => end?,
            end = &mut to_client => return end,
        };
        if end == End::Closed { to_client.await } else { Ok(end) }
    }
}

/// Tells the broker that nothing follows, and reads until it closes the connection.
async fn close(mut server: TcpStream) -> io::Result<()> {
    server.shutdown().await?;
    tokio::io::copy(&mut server, &mut tokio::io::sink()).await?;
    Ok(())
}

/// One direction of a connection.
struct Passage<'c> {
    connection: &'c Connection,
    reader: &'c Mutex<Box<dyn FrameReader>>,
    sender: Side,
}

/// What happens to a frame, and to its connection.
enum Step {
    Pass,
    /// The frame passes after this time.
    PassLater(Duration),
    /// The frame does not pass.
    Drop,
    /// The frame passes, and the same message is published again.
    PassTwice(Content),
    /// Neither this frame nor a later one passes.
    Stall,
    Reset,
    /// The frame passes, and then the connection ends in this way.
    PassAndEnd(End),
}

impl Step {
    fn of_publication(fault: Option<Fault>, content: &Content) -> Self {
        match fault {
            Some(Fault::Latency(latency)) => Self::PassLater(latency),
            Some(Fault::Timeout) => Self::Stall,
            Some(Fault::ResetBefore) => Self::Reset,
            Some(Fault::ResetDuring) => Self::PassAndEnd(End::Reset),
            Some(Fault::Duplicate) => Self::PassTwice(content.clone()),
            _ => Self::Pass,
        }
    }

    fn of_delivery(fault: Option<Fault>) -> Self {
        match fault {
            Some(Fault::Latency(latency)) => Self::PassLater(latency),
            Some(Fault::Timeout) => Self::Stall,
            Some(Fault::ResetBefore) => Self::Reset,
            Some(Fault::ResetAfter) => Self::PassAndEnd(End::ResetAfterDelivery),
            _ => Self::Pass,
        }
    }
}

impl Passage<'_> {
    /// Passes frames until their sender closes the connection, or a fault ends it.
    async fn pass(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<End> {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        loop {
            // The frames before this position may pass.
            let mut ready = 0;
            loop {
                let Frame { length, meaning, replacement, followed_by } = match self.read(&buffer[ready..]) {
                    Reading::Frame(frame) => frame,
                    Reading::Incomplete => break,
                    Reading::TooLong => return Ok(self.refuse_long_message()),
                    Reading::Foreign => {
                        to.write_all(&buffer).await?;
                        tokio::io::copy(&mut from, &mut to).await?;
                        return Ok(End::Closed);
                    }
                };
                let step = self.decide(meaning);
                if matches!(step, Step::Pass) && replacement.is_none() && followed_by.is_empty() {
                    ready += length;
                    continue;
                }
                // The earlier frames are sent first, because they must not wait together with this one.
                write(&mut to, &buffer[..ready]).await?;
                buffer.drain(..ready);
                ready = 0;
                let passing = replacement.as_deref().unwrap_or(&buffer[..length]);
                match step {
                    Step::Drop => {}
                    Step::Stall => {
                        self.connection.messages.body_ended().await;
                        return Ok(End::Reset);
                    }
                    Step::Reset => return Ok(End::Reset),
                    Step::Pass => write(&mut to, passing).await?,
                    Step::PassLater(latency) => {
                        tokio::time::sleep(latency).await;
                        write(&mut to, passing).await?;
                    }
                    Step::PassTwice(content) => {
                        write(&mut to, passing).await?;
                        if let Err(error) = self.connection.broker.publish(&content).await {
                            self.connection.messages.fail(&error);
                        }
                    }
                    Step::PassAndEnd(end) => {
                        write(&mut to, passing).await?;
                        return Ok(end);
                    }
                }
                write(&mut to, followed_by).await?;
                buffer.drain(..length);
            }
            write(&mut to, &buffer[..ready]).await?;
            buffer.drain(..ready);
            if from.read_buf(&mut buffer).await? == 0 {
                to.shutdown().await?;
                return Ok(End::Closed);
            }
        }
    }

    fn read(&self, bytes: &[u8]) -> Reading {
        if bytes.is_empty() {
            return Reading::Incomplete;
        }
        let reading = self.reader.lock().unwrap_or_else(PoisonError::into_inner).read(self.sender, bytes);
        match reading {
            Reading::Incomplete if bytes.len() > MAX_MESSAGE_BYTES => Reading::TooLong,
            reading => reading,
        }
    }

    /// Fails the test, because the connection ends. Without a limit, one client could fill the memory.
    fn refuse_long_message(&self) -> End {
        let messages = &self.connection.messages;
        let (name, sender) = (messages.protocol().name(), self.sender);
        messages.fail(&Error::new(format!(
            "the {} has sent a message of more than {} MiB, which is the most that passes the tap of {name}, so the tap has reset the connection",
            if sender == Side::Client { "code under test" } else { "broker" },
            MAX_MESSAGE_BYTES >> 20
        )));
        End::Reset
    }

    /// Notes what a frame says, and decides what happens to it.
    fn decide(&self, meaning: Meaning) -> Step {
        let Connection { number, messages, .. } = self.connection;
        match meaning {
            Meaning::Published(content) => {
                let fault = messages.fault_of(Direction::Publication, &content.topic);
                let step = Step::of_publication(fault, &content);
                messages.note_publication(content, fault);
                step
            }
            Meaning::Delivered { content, tag } => {
                let fault = messages.fault_of(Direction::Delivery, &content.topic);
                messages.note_delivery(*number, content, tag, fault);
                Step::of_delivery(fault)
            }
            Meaning::AnswerToTap(meaning) => {
                if let Some(meaning) = meaning {
                    self.decide(*meaning);
                }
                Step::Drop
            }
            Meaning::Acknowledged(tags) => {
                messages.note_acknowledgement(*number, &tags);
                Step::Pass
            }
            Meaning::Returned(tags) => {
                messages.note_return(*number, &tags);
                Step::Pass
            }
            Meaning::Unroutable { content, reason } => {
                messages.note_unroutable(content, &reason);
                Step::Pass
            }
            Meaning::Subscribed { id, pattern } => {
                messages.note_subscription(*number, id, pattern);
                Step::Pass
            }
            Meaning::Unsubscribed { id } => {
                messages.note_unsubscription(*number, &id);
                Step::Pass
            }
            // At most one of them is a message, which may get a fault.
            Meaning::Several(meanings) => {
                let decide = |step, meaning| match self.decide(meaning) {
                    Step::Pass => step,
                    other => other,
                };
                meanings.into_iter().fold(Step::Pass, decide)
            }
            Meaning::Other => Step::Pass,
        }
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    if !bytes.is_empty() {
        to.write_all(bytes).await?;
        to.flush().await?;
    }
    Ok(())
}
