//! Accepts the connections to a proxy.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use itest_runtime::ConnectionFault;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::opaque::Passed;
use super::recorder::Recorder;
use super::tunnel::{End, connect, reset_on_drop};
use super::upstream::{Protocol, Upstream};
use super::{opaque, postgres};

/// How many connections may wait until they are accepted.
const BACKLOG: u32 = 1024;

/// How long the server pauses when it cannot accept a connection.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

/// How long a client may take to read an answer before its connection is reset.
const READ_TIMEOUT: Duration = Duration::from_millis(200);

/// A port of 127.0.0.1 that is taken, and that refuses connections.
fn refusing_port(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // While the proxy refuses connections, this socket keeps the port. It shares the port with the socket that accepts connections.
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Any port of 127.0.0.1, which refuses connections.
pub(super) fn any_refusing_port() -> io::Result<TcpSocket> {
    refusing_port((Ipv4Addr::LOCALHOST, 0).into())
}

/// Accepts connections at a port that refused them. The system queues them until [`serve`] runs.
pub(super) fn listen(socket: TcpSocket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)
}

/// What a running server is asked to do. Each request is answered when it is done.
#[derive(Debug)]
pub(super) enum Command {
    /// Reset all connections and refuse new ones.
    Refuse(oneshot::Sender<io::Result<()>>),
    /// Accept connections again.
    Accept(oneshot::Sender<io::Result<()>>),
    /// Reset all connections. New ones are accepted.
    ResetConnections(oneshot::Sender<io::Result<()>>),
    /// Close everything and end.
    Stop,
}

/// Accepts connections until it is stopped.
pub(super) async fn serve(
    listener: TcpListener,
    upstream: Arc<Upstream>,
    recorder: Arc<Recorder>,
    mut commands: mpsc::Receiver<Command>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut state = State::Accepting(listener);
    let mut connections = Connections::default();
    loop {
        let command = tokio::select! {
            stream = state.accept() => {
                connections.add(stream, Arc::clone(&upstream), Arc::clone(&recorder));
                continue;
            }
            command = commands.recv() => command,
        };
        match command {
            Some(Command::Refuse(done)) => {
                let refused = state.refuse(address);
                connections.reset().await;
                let _ = done.send(refused);
            }
            Some(Command::Accept(done)) => {
                let accepted = state.listen();
                let _ = done.send(accepted);
            }
            Some(Command::ResetConnections(done)) => {
                connections.reset().await;
                let _ = done.send(Ok(()));
            }
            Some(Command::Stop) | None => break,
        }
    }
    drop(state);
    connections.tasks.shutdown().await;
    Ok(())
}

/// Whether the server accepts connections.
enum State {
    Accepting(TcpListener),
    Refusing(TcpSocket),
    /// The state changes, or could not be changed.
    Broken,
}

impl State {
    /// The next connection.
    async fn accept(&self) -> TcpStream {
        let Self::Accepting(listener) = self else { return std::future::pending().await };
        loop {
            // A connection can be lost before it is accepted. The client sees that error, so the server ignores it.
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                // If the process has no free descriptors, every further call fails at once.
                Err(_) => tokio::time::sleep(PAUSE_AFTER_ERROR).await,
            }
        }
    }

    fn refuse(&mut self, address: SocketAddr) -> io::Result<()> {
        if matches!(self, Self::Accepting(_)) {
            let socket = refusing_port(address)?;
            *self = Self::Refusing(socket);
        }
        Ok(())
    }

    fn listen(&mut self) -> io::Result<()> {
        match std::mem::replace(self, Self::Broken) {
            Self::Refusing(socket) => *self = Self::Accepting(listen(socket)?),
            Self::Broken => {
                return Err(io::Error::other("the proxy cannot listen any more; see the error of an earlier call"));
            }
            accepting @ Self::Accepting(_) => *self = accepting,
        }
        Ok(())
    }
}

/// The connections of a proxy, each with a task of its own.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// Tells the connections that exist now to end with a reset.
    resets: watch::Sender<()>,
    /// The number of connections so far.
    count: u64,
}

impl Connections {
    fn add(&mut self, stream: TcpStream, upstream: Arc<Upstream>, recorder: Arc<Recorder>) {
        self.count += 1;
        let connection = Connection { number: self.count, upstream, recorder };
        let mut resets = self.resets.subscribe();
        self.tasks.spawn(async move {
            let mut stream = stream;
            let end = tokio::select! {
                end = connection.run(&mut stream) => end,
                _ = resets.changed() => End::Reset,
            };
            if end == End::ResetAfterAnswer {
                // A reset deletes what the client has not read. The client has read the answer when it sends something again.
                let _ = tokio::time::timeout(READ_TIMEOUT, stream.peek(&mut [0])).await;
            }
            if end != End::Closed {
                reset_on_drop(&stream);
            }
        });
        while self.tasks.try_join_next().is_some() {}
    }

    /// Resets all connections, and waits until that is done.
    async fn reset(&mut self) {
        self.resets.send_replace(());
        while self.tasks.join_next().await.is_some() {}
    }
}

/// A connection of a client.
struct Connection {
    /// The position among all connections of the proxy, counted from 1.
    number: u64,
    upstream: Arc<Upstream>,
    recorder: Arc<Recorder>,
}

impl Connection {
    async fn run(&self, client: &mut TcpStream) -> End {
        let mut record = ConnectionRecord::new(self);
        let fault = self.recorder.fault_of_connection();
        record.fault = fault;
        match fault {
            Some(ConnectionFault::ResetOnConnect) => return End::Reset,
            Some(ConnectionFault::HalfOpen) => {
                self.recorder.body_ended().await;
                return End::Reset;
            }
            _ => {}
        }
        let service = match connect(&self.upstream.address).await {
            Ok(service) => service,
            Err(error) => {
                record.remark = Some(format!("the service cannot be reached: {error}"));
                return End::Reset;
            }
        };
        let _ = client.set_nodelay(true);
        if self.upstream.protocol == Protocol::Postgres && fault.is_none() {
            record.is_reported = false;
            return postgres::tunnel(client, service, &self.recorder).await.unwrap_or(End::Reset);
        }
        let end = opaque::tunnel(client, service, fault, &mut record.passed).await;
        record.is_closed = end == End::Closed;
        end
    }
}

/// The exchange of a connection, which is recorded when the connection ends.
struct ConnectionRecord<'c> {
    recorder: &'c Recorder,
    exchange: itest_runtime::__private::Exchange,
    fault: Option<ConnectionFault>,
    remark: Option<String>,
    passed: Passed,
    /// Whether both sides have closed the connection.
    is_closed: bool,
    /// Whether the connection is an exchange itself. If its statements are seen, it is not.
    is_reported: bool,
}

impl<'c> ConnectionRecord<'c> {
    fn new(connection: &'c Connection) -> Self {
        let exchange = connection.recorder.exchange(format!("connection {}", connection.number));
        let (recorder, passed) = (&*connection.recorder, Passed::default());
        Self { recorder, exchange, fault: None, remark: None, passed, is_closed: false, is_reported: true }
    }
}

impl Drop for ConnectionRecord<'_> {
    fn drop(&mut self) {
        if !self.is_reported {
            return;
        }
        let mut exchange = self.exchange.clone();
        exchange.status = self.is_closed.then(|| "closed".to_owned());
        exchange.request_bytes = self.passed.to_service;
        exchange.response_bytes = self.passed.from_service;
        exchange.fault = self.fault.map(|fault| fault.to_string());
        exchange.remark = self.remark.take();
        self.recorder.record_connection(exchange);
    }
}
