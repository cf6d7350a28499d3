//! Serves the bank: reads the environment, migrates the database, and runs until a signal stops it.

use std::env::{self, VarError};
use std::io;
use std::process::ExitCode;

use bank::{Config, MIGRATIONS};
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The address to listen on if `LISTEN_ADDRESS` is not set.
const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";

/// The reason why the bank cannot run.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the environment variable {0} is missing; it holds {1}")]
    Missing(&'static str, &'static str),
    #[error("the environment variable {0} is not valid UTF-8")]
    NotUnicode(&'static str),
    #[error("DATABASE_URL is no address of a PostgreSQL database: {0}")]
    DatabaseUrl(sqlx::Error),
    #[error("cannot connect to the database: {0}")]
    Connect(sqlx::Error),
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] MigrateError),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: String, source: io::Error },
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    #[error("cannot serve: {0}")]
    Serve(io::Error),
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "stderr is this service's log")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bank: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), StartError> {
    let missing = || StartError::Missing("DATABASE_URL", "the database, such as postgres://bank@127.0.0.1/bank");
    let url = variable("DATABASE_URL")?.ok_or_else(missing)?;
    let address = variable("LISTEN_ADDRESS")?.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    let options: PgConnectOptions = url.parse().map_err(StartError::DatabaseUrl)?;

    let config = Config::default();
    let pool = bank::connect(options, &config).await.map_err(StartError::Connect)?;
    MIGRATIONS.run(&pool).await?;
    serve(&address, bank::app(pool.clone(), &config)).await?;
    pool.close().await;
    Ok(())
}

/// The value of an environment variable, if it is set.
fn variable(name: &'static str) -> Result<Option<String>, StartError> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(StartError::NotUnicode(name)),
    }
}

/// Serves until a signal arrives, and then until all running requests are answered.
#[expect(clippy::print_stderr, reason = "stderr is this service's log")]
async fn serve(address: &str, app: axum::Router) -> Result<(), StartError> {
    let cannot_listen = |source| StartError::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    // Port 0 lets the system choose one, so only the listener knows the real address.
    let actual = listener.local_addr().map_err(cannot_listen)?;
    let stopped = stop_signal().map_err(StartError::Signals)?;
    eprintln!("bank: listening on http://{actual}");
    axum::serve(listener, app).with_graceful_shutdown(stopped).await.map_err(StartError::Serve)?;
    eprintln!("bank: stopped");
    Ok(())
}

/// Completes on ctrl-c and on SIGTERM. Listens to both before it returns, so that none is missed.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
