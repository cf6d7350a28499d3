//! The fixture of a proxy.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use itest_runtime::{ConnectionFault, Error, Fault, Outcome, Teardown, TestInfo};
use tokio::net::TcpSocket;
use tokio::sync::{mpsc, oneshot};

use super::new_injection::{NewConnectionInjection, NewStatementInjection};
use super::recorder::Recorder;
use super::server::{Command, any_refusing_port, listen, serve};
use super::statements::Statements;
use super::upstream::Upstream;
use crate::itest::fixture;

/// How many commands may wait for the server of a proxy.
const MAX_WAITING_COMMANDS: usize = 16;

/// A proxy of one test between the code under test and a real service.
///
/// [`Proxy::to`] returns the URL that leads through the proxy. The proxy injects faults, and the report of the test shows what passed it: each
/// statement of PostgreSQL, and each connection to another service.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::{Fault, statement};
/// # struct Bank;
/// # impl Bank { async fn start(url: &str) -> Result<Self> { drop(url.to_owned()); Ok(Self) } async fn transfer(&self) -> Result<u16> { Ok(200) } }
///
/// #[fixture]
/// async fn bank(proxy: &Proxy) -> Result<Bank> {
///     Bank::start(&proxy.to("postgres://bank@127.0.0.1/bank")?).await
/// }
///
/// #[integration_test]
/// async fn transfer_survives_a_lost_connection(bank: &Bank, proxy: &Proxy) -> Result<()> {
///     #[arrange]
///     proxy.inject(Fault::ResetBefore).on(statement::containing("UPDATE account")).first(1);
///
///     #[act]
///     let status = bank.transfer().await?;
///
///     #[assert]
///     assert_eq!(status, 200);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Proxy {
    recorder: Arc<Recorder>,
    address: SocketAddr,
    state: Mutex<State>,
    teardown: Teardown,
}

/// Whether the proxy has a service.
enum State {
    /// The proxy has its port, and refuses connections.
    WithoutService(Option<TcpSocket>),
    /// The proxy leads to this service.
    Serving { upstream: Arc<Upstream>, commands: mpsc::Sender<Command> },
}

impl Proxy {
    /// Takes a free port. The proxy refuses connections until [`Proxy::to`] is called.
    ///
    /// A test or a fixture that needs a second proxy calls this, with the handles of the test.
    ///
    /// # Errors
    ///
    /// When there is no free port.
    pub fn start(info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let socket = any_refusing_port()?;
        let address = socket.local_addr()?;
        let recorder = Arc::new(Recorder::new(info.clone()));
        let checked = Arc::clone(&recorder);
        teardown.defer_with(format!("check the faults of the proxy on {address}"), move |outcome| async move {
            // If the test failed earlier, the code under test may not have reached the fault.
            if outcome == Outcome::Passed {
                checked.check();
            }
        });
        Ok(Self {
            recorder,
            address,
            state: Mutex::new(State::WithoutService(Some(socket))),
            teardown: teardown.clone(),
        })
    }

    /// Leads to the service at this URL, such as `redis://127.0.0.1:6379`, or at `host:port`. Returns the URL through the proxy, with which
    /// the code under test is configured.
    ///
    /// The URL of a database may name a Unix socket. The URL through the proxy asks for no TLS.
    ///
    /// # Errors
    ///
    /// When the URL names no service, or the proxy leads to another service already.
    ///
    /// # Panics
    ///
    /// If it is called outside of tests and fixtures, because no tokio runtime is running there.
    pub fn to(&self, url: &str) -> Result<String, Error> {
        let (upstream, through) = Upstream::parse(url)?;
        self.bind(upstream)?;
        Ok(through.url(url, self.address))
    }

    fn bind(&self, upstream: Upstream) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let socket = match &mut *state {
            State::Serving { upstream: bound, .. } if **bound == upstream => return Ok(()),
            State::Serving { .. } => {
                let message = "the proxy leads to another service already; start a second one with `Proxy::start`";
                return Err(Error::new(message));
            }
            State::WithoutService(socket) => socket
                .take()
                .ok_or("an earlier call of `Proxy::to` could not listen; start another proxy with `Proxy::start`")?,
        };
        self.recorder.set_name(&upstream.name);
        let listener = listen(socket)?;
        let upstream = Arc::new(upstream);
        let (commands, received) = mpsc::channel(MAX_WAITING_COMMANDS);
        let serving = tokio::spawn(serve(listener, Arc::clone(&upstream), Arc::clone(&self.recorder), received));
        let stopping = commands.clone();
        // The step is registered here and not in `start`, so that the proxy closes its connections before the service is given back.
        self.teardown.defer(format!("stop the proxy on {}", self.address), async move {
            // The receiver is dropped only if the server has ended, and the result of its task says why.
            let _ = stopping.send(Command::Stop).await;
            match serving.await {
                Ok(ended) => ended.map_err(Error::from),
                Err(error) => Err(Error::from(error)),
            }
        });
        *state = State::Serving { upstream, commands };
        Ok(())
    }

    /// The address that the proxy listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins the injection of a fault into statements of PostgreSQL. [`NewStatementInjection::on`] says which statements get it.
    ///
    /// # Panics
    ///
    /// If the fault is one of HTTP: a status, a rate limit or a malformed body.
    #[track_caller]
    pub fn inject(&self, fault: Fault) -> NewStatementInjection<'_> {
        NewStatementInjection::new(&self.recorder, fault)
    }

    /// Begins the injection of a fault into connections. The statements of a connection with a fault are not seen.
    #[track_caller]
    pub fn inject_into_connections(&self, fault: ConnectionFault) -> NewConnectionInjection<'_> {
        NewConnectionInjection::new(&self.recorder, fault)
    }

    /// Resets all connections, and refuses new ones: the service is gone.
    ///
    /// # Errors
    ///
    /// When the proxy leads to no service yet, or the system refuses.
    pub async fn refuse_connections(&self) -> Result<(), Error> {
        self.command(Command::Refuse).await
    }

    /// Accepts connections again, after [`Proxy::refuse_connections`].
    ///
    /// # Errors
    ///
    /// When the proxy leads to no service yet, or the system refuses.
    pub async fn accept_connections(&self) -> Result<(), Error> {
        self.command(Command::Accept).await
    }

    /// Resets all connections that exist. New ones are accepted.
    ///
    /// # Errors
    ///
    /// When the proxy leads to no service yet.
    pub async fn reset_connections(&self) -> Result<(), Error> {
        self.command(Command::ResetConnections).await
    }

    async fn command(&self, command: fn(oneshot::Sender<io::Result<()>>) -> Command) -> Result<(), Error> {
        let commands = match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Serving { commands, .. } => commands.clone(),
            State::WithoutService(_) => {
                return Err(Error::new("the proxy leads to no service yet; call `Proxy::to` first"));
            }
        };
        let (done, answer) = oneshot::channel();
        let stopped = || Error::new("the proxy has stopped");
        commands.send(command(done)).await.map_err(|_| stopped())?;
        Ok(answer.await.map_err(|_| stopped())??)
    }

    /// The statements of PostgreSQL that passed the proxy so far and whose results are known.
    #[must_use]
    pub fn statements(&self) -> Statements {
        self.recorder.statements()
    }

    /// From now on, faults that are never triggered do not fail the test.
    pub fn lenient(&self) {
        self.recorder.be_lenient();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({})", self.address)
    }
}

/// A proxy.
#[fixture(crate = crate::itest)]
fn proxy(info: &TestInfo, teardown: &Teardown) -> Result<Proxy, Error> {
    Proxy::start(info, teardown)
}
