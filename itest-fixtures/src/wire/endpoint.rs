//! An endpoint that accepts HTTP connections and serves them in this process.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use itest_runtime::{Error, Outcome, Teardown};
use thiserror::Error as ThisError;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tower_service::Service;

use super::connection::{ConnectionControl, ControlledStream};

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

/// The server had to stop although requests were still being answered.
#[derive(Debug, Clone, ThisError)]
#[error(
    "{unfinished} requests were still being answered {timeout:?} after the server was told to stop; they were cut off"
)]
pub struct ServerStopError {
    unfinished: usize,
    timeout: Duration,
}

type OnInvalid = Arc<dyn Fn(&hyper::Error) + Send + Sync>;

/// What an endpoint does besides answering requests.
pub(crate) struct Hooks {
    /// Gets the outcome of the test before the server stops.
    pub(crate) before_stop: Box<dyn FnOnce(Outcome) + Send>,
    /// Gets the error of a connection on which a client sent something that is no request.
    pub(crate) on_invalid: OnInvalid,
}

impl Hooks {
    /// Nothing else.
    pub(crate) fn none() -> Self {
        Self { before_stop: Box::new(|_| {}), on_invalid: Arc::new(|_| {}) }
    }
}

/// Serves connections on a free port of 127.0.0.1, and registers a step that stops it in this way. Returns the address.
pub(crate) async fn listen<S, B>(
    service: S,
    teardown: &Teardown,
    stopping: Stopping,
    hooks: Hooks,
) -> Result<SocketAddr, Error>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxedError>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve(listener, service, stopping, hooks.on_invalid, stopped));
    teardown.defer_with(format!("stop the server on {address}"), move |outcome| async move {
        (hooks.before_stop)(outcome);
        // The receiver is dropped only if the server has ended, and the result of its task says why.
        let _ = stop.send(());
        match serving.await {
            Ok(ended) => ended.map_err(Error::from),
            Err(error) => Err(Error::from(error)),
        }
    });
    Ok(address)
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

async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    stopping: Stopping,
    on_invalid: OnInvalid,
    mut stopped: oneshot::Receiver<()>,
) -> Result<(), ServerStopError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxedError>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted: io::Result<_> = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        // A connection can be lost before it is accepted. The client sees that error, so the server ignores it.
        let Ok((stream, _)) = accepted else { continue };
        let control = ConnectionControl::new();
        let stream = TokioIo::new(ControlledStream::new(stream, control.clone()));
        let service = TowerToHyperService::new(WithControl { service: service.clone(), control });
        let connection = http1::Builder::new().serve_connection(stream, service);
        let connection = graceful.watch(connection);
        let on_invalid = Arc::clone(&on_invalid);
        connections.spawn(async move {
            // The client sees an error of its connection. Only bytes that are no request are worth a report.
            if let Err(error) = connection.await
                && error.is_parse()
            {
                on_invalid(&error);
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    if stopping == Stopping::Immediate {
        connections.shutdown().await;
        return Ok(());
    }
    let ended = tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
    let unfinished = if ended.is_ok() { 0 } else { connections.len() };
    connections.shutdown().await;
    if unfinished == 0 { Ok(()) } else { Err(ServerStopError { unfinished, timeout: SHUTDOWN_TIMEOUT }) }
}
