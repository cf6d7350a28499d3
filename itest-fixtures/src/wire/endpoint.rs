//! An endpoint that accepts HTTP connections and serves them in this process.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
#[cfg(feature = "http2")]
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use itest_runtime::{Error, Outcome, Teardown};
use thiserror::Error as ThisError;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tower_service::Service;

use super::connection::{ConnectionControl, ControlledStream};
#[cfg(feature = "tls")]
use crate::tls::{EndpointTls, HandshakeFailure};
use crate::transport::Transport;

pub(crate) type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// How long running requests may take after the server was asked to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopping {
    /// Running requests are finished first.
    Graceful,
    /// Running requests are cut off.
    Immediate,
}

/// The protocols that an endpoint accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// HTTP/1.1.
    Http1,
    /// HTTP/1.1 with upgrades to other protocols, and HTTP/2 if the feature `http2` is enabled.
    All,
}

/// Whether an endpoint accepts TLS.
#[derive(Debug, Clone)]
pub(crate) enum Security {
    Plain,
    /// The endpoint accepts TLS as soon as a test enables it.
    #[cfg(feature = "tls")]
    OnRequest(Arc<EndpointTls>),
}

/// How an endpoint serves its connections.
pub(crate) struct EndpointOptions {
    pub(crate) protocols: Protocols,
    pub(crate) security: Security,
    pub(crate) stopping: Stopping,
    pub(crate) hooks: Hooks,
}

/// The server had to stop although requests were still being answered.
#[derive(Debug, Clone, ThisError)]
#[error(
    "{unfinished} requests were still being answered {timeout:?} after the server began to stop; they were cut off"
)]
pub struct ServerStopError {
    unfinished: usize,
    timeout: Duration,
}

/// Why a connection has no further request.
#[derive(Debug)]
pub(crate) enum ConnectionFailure<'e> {
    /// The client sent something that is no request.
    NoRequest(&'e hyper::Error),
    #[cfg(feature = "tls")]
    Handshake(HandshakeFailure),
}

type OnFailure = Arc<dyn Fn(&ConnectionFailure<'_>) + Send + Sync>;

/// What an endpoint does besides answering requests.
pub(crate) struct Hooks {
    /// Gets the outcome of the test before the server stops.
    pub(crate) before_stop: Box<dyn FnOnce(Outcome) + Send>,
    /// Gets the failure of each connection that had to end.
    pub(crate) on_failure: OnFailure,
}

impl Hooks {
    /// Nothing else.
    pub(crate) fn none() -> Self {
        Self { before_stop: Box::new(|_| {}), on_failure: Arc::new(|_| {}) }
    }
}

/// A bound port of 127.0.0.1. It queues connections until it is served.
#[derive(Debug)]
pub(crate) struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    /// Binds a free port.
    ///
    /// # Errors
    ///
    /// When no port can be bound.
    pub(crate) async fn bind() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the connections, and registers a step that stops the endpoint.
    pub(crate) fn serve<S, B>(self, service: S, teardown: &Teardown, options: EndpointOptions)
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        B: Body<Data: Send, Error: Into<BoxedError>> + Send + 'static,
    {
        let Self { listener, address } = self;
        let EndpointOptions { protocols, security, stopping, hooks: Hooks { before_stop, on_failure } } = options;
        let (stop, stopped) = oneshot::channel();
        let accepting = Accepting { service, protocols, security, on_failure };
        let serving = tokio::spawn(accepting.run(listener, stopping, stopped));
        teardown.defer_with(format!("stop the server on {address}"), move |outcome| async move {
            before_stop(outcome);
            // The receiver is dropped only if the server has ended, and the result of its task says why.
            let _ = stop.send(());
            match serving.await {
                Ok(ended) => ended.map_err(Error::from),
                Err(error) => Err(Error::from(error)),
            }
        });
    }
}

/// Adds the control of a connection to its requests.
#[derive(Debug, Clone)]
struct WithControl<S> {
    service: S,
    control: ConnectionControl,
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for WithControl<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> S::Future {
        request.extensions_mut().insert(self.control.clone());
        self.service.call(request)
    }
}

/// Accepts connections, and serves each of them in a task.
struct Accepting<S> {
    service: S,
    protocols: Protocols,
    security: Security,
    on_failure: OnFailure,
}

impl<S, B> Accepting<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxedError>> + Send + 'static,
{
    async fn run(
        self,
        listener: TcpListener,
        stopping: Stopping,
        mut stopped: oneshot::Receiver<()>,
    ) -> Result<(), ServerStopError> {
        let (finish, finishing) = watch::channel(());
        let mut tasks = ConnectionTasks::default();
        loop {
            let accepted: io::Result<_> = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = &mut stopped => break,
            };
            // A connection can be lost before it is accepted. The client sees that error, so the server ignores it.
            let Ok((stream, _)) = accepted else { continue };
            self.serve(stream, &mut tasks, finishing.clone());
            tasks.forget_ended();
        }
        drop((listener, finishing));
        if stopping == Stopping::Graceful {
            // Every connection has a receiver; without any connection, nothing has to be finished.
            let _ = finish.send(());
            let unfinished = tasks.wait(SHUTDOWN_TIMEOUT).await;
            tasks.cut_off().await;
            return match unfinished {
                0 => Ok(()),
                unfinished => Err(ServerStopError { unfinished, timeout: SHUTDOWN_TIMEOUT }),
            };
        }
        tasks.cut_off().await;
        Ok(())
    }

    fn serve(&self, stream: TcpStream, tasks: &mut ConnectionTasks, finishing: watch::Receiver<()>) {
        let control = ConnectionControl::new();
        let service = TowerToHyperService::new(WithControl { service: self.service.clone(), control: control.clone() });
        let controlled = |transport| TokioIo::new(ControlledStream::new(transport, control));
        match self.protocols {
            Protocols::Http1 => {
                let (security, on_failure) = (self.security.clone(), Arc::clone(&self.on_failure));
                tasks.connections.spawn(async move {
                    let transport = match security {
                        Security::Plain => Transport::Plain(stream),
                        #[cfg(feature = "tls")]
                        Security::OnRequest(tls) => match tls.accept(stream).await {
                            Ok(transport) => transport,
                            Err(failure) => return on_failure(&ConnectionFailure::Handshake(failure)),
                        },
                    };
                    let connection = http1::Builder::new().serve_connection(controlled(transport), service);
                    // The client sees an error of its connection. Only bytes that are no request are worth a report.
                    if let Err(error) = finished(connection, finishing, http1::Connection::graceful_shutdown).await
                        && error.is_parse()
                    {
                        on_failure(&ConnectionFailure::NoRequest(&error));
                    }
                });
            }
            #[cfg(not(feature = "http2"))]
            Protocols::All => {
                let stream = controlled(Transport::Plain(stream));
                let connection = http1::Builder::new().serve_connection(stream, service).with_upgrades();
                tasks.connections.spawn(async move {
                    let _ = finished(connection, finishing, http1::UpgradeableConnection::graceful_shutdown).await;
                });
            }
            #[cfg(feature = "http2")]
            Protocols::All => {
                let stream = controlled(Transport::Plain(stream));
                let builder = auto::Builder::new(tasks.streams.clone());
                let connection = builder.serve_connection_with_upgrades(stream, service).into_owned();
                tasks.connections.spawn(async move {
                    let _ = finished(connection, finishing, auto::UpgradeableConnection::graceful_shutdown).await;
                });
            }
        }
    }
}

/// Serves a connection until it ends. When the endpoint finishes, the running requests of the connection are the last ones.
async fn finished<C: Future>(
    connection: C,
    mut finishing: watch::Receiver<()>,
    shut_down: fn(Pin<&mut C>),
) -> C::Output {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return ended,
        // If the sender is dropped, the endpoint cuts the connection off.
        _ = finishing.changed() => {}
    }
    shut_down(connection.as_mut());
    connection.await
}

/// The tasks that serve connections.
#[derive(Default)]
struct ConnectionTasks {
    connections: JoinSet<()>,
    #[cfg(feature = "http2")]
    streams: StreamTasks,
}

impl ConnectionTasks {
    fn forget_ended(&mut self) {
        while self.connections.try_join_next().is_some() {}
    }

    /// Waits for the connections. Returns how many of them have not ended in time.
    async fn wait(&mut self, timeout: Duration) -> usize {
        let ended = async { while self.connections.join_next().await.is_some() {} };
        match tokio::time::timeout(timeout, ended).await {
            Ok(()) => 0,
            Err(_) => self.connections.len(),
        }
    }

    async fn cut_off(mut self) {
        self.connections.shutdown().await;
        #[cfg(feature = "http2")]
        self.streams.cut_off().await;
    }
}

/// The tasks that answer the requests of HTTP/2, each of which has a task of its own.
#[cfg(feature = "http2")]
#[derive(Clone, Default)]
struct StreamTasks(Arc<std::sync::Mutex<JoinSet<()>>>);

#[cfg(feature = "http2")]
impl StreamTasks {
    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn cut_off(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }
}

#[cfg(feature = "http2")]
impl<F: Future + Send + 'static> hyper::rt::Executor<F> for StreamTasks {
    fn execute(&self, stream: F) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            stream.await;
        });
    }
}
