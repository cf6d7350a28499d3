//! What both programs have in common: settings from the environment, the log, signals, and serving.

use std::env::{self, VarError};
use std::fmt;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::defect::Defect;
use crate::dispatch;

/// How long a request waits for a connection to the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// The reason why a program cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A setting is not there.
    #[error("the environment variable {0} is missing or not valid UTF-8")]
    Missing(&'static str),
    /// A setting has a value that makes no sense.
    #[error("the environment variable {0} is wrong: {1}")]
    Invalid(&'static str, String),
    /// The database cannot be reached.
    #[error("cannot connect to the database: {0}")]
    Connect(sqlx::Error),
    /// The database cannot be migrated.
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] MigrateError),
    /// The broker cannot be reached, or has other queues.
    #[error("cannot declare the queues: {0}")]
    Broker(#[from] lapin::Error),
    /// The dispatch service cannot start.
    #[error(transparent)]
    Dispatch(#[from] dispatch::StartError),
    /// The program cannot listen, wait for signals, or serve.
    #[error("cannot serve: {0}")]
    Serve(#[from] io::Error),
}

/// Writes a line of the log.
#[expect(clippy::print_stderr, reason = "stderr is the log of these services")]
pub(crate) fn log(line: fmt::Arguments<'_>) {
    eprintln!("{line}");
}

/// Ends the program with an exit code, and with a message if it has failed.
#[must_use]
pub fn exit_code(name: &str, outcome: Result<(), ProgramError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(format_args!("{name}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The value of an environment variable.
///
/// # Errors
///
/// When it is missing.
pub fn setting(name: &'static str) -> Result<String, ProgramError> {
    env::var(name).map_err(|_| ProgramError::Missing(name))
}

/// The value of an environment variable in milliseconds, or the default.
///
/// # Errors
///
/// When it is no number.
pub fn milliseconds(name: &'static str, default: Duration) -> Result<Duration, ProgramError> {
    match env::var(name) {
        Err(VarError::NotPresent) => Ok(default),
        Err(error) => Err(ProgramError::Invalid(name, error.to_string())),
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Duration::from_millis(number)),
            Err(_) => Err(ProgramError::Invalid(name, format!("{text} is no number of milliseconds"))),
        },
    }
}

/// The defect on purpose that `COURIER_DEFECT` names.
///
/// # Errors
///
/// When there is no such defect.
pub fn defect() -> Result<Option<Defect>, ProgramError> {
    let Ok(name) = env::var("COURIER_DEFECT") else { return Ok(None) };
    let parsed = Defect::parse(&name).map_err(|error| ProgramError::Invalid("COURIER_DEFECT", error.to_string()))?;
    Ok(Some(parsed))
}

/// A pool for a database.
///
/// # Errors
///
/// When the database cannot be reached.
pub async fn connect(url: &str, connections: u32) -> Result<PgPool, ProgramError> {
    let invalid = |error: sqlx::Error| ProgramError::Invalid("DATABASE_URL", error.to_string());
    let options: PgConnectOptions = url.parse().map_err(invalid)?;
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
    pool.connect_with(options).await.map_err(ProgramError::Connect)
}

/// A pool for the migrated database of `DATABASE_URL`.
///
/// # Errors
///
/// When the database cannot be reached or migrated.
pub async fn database(migrations: &Migrator) -> Result<PgPool, ProgramError> {
    let pool = connect(&setting("DATABASE_URL")?, 10).await?;
    migrations.run(&pool).await?;
    Ok(pool)
}

/// Serves at `LISTEN_ADDRESS` until SIGTERM or SIGINT, and then until all running requests are answered.
///
/// # Errors
///
/// When the address is taken.
pub async fn serve(name: &str, router: Router, defect: Option<Defect>) -> Result<(), ProgramError> {
    let listener = TcpListener::bind(setting("LISTEN_ADDRESS")?).await?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    log(format_args!("{name}: listening on http://{}", listener.local_addr()?));
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    if defect == Some(Defect::RunningRequestsAreDropped) {
        tokio::select! {
            served = axum::serve(listener, router).into_future() => served?,
            () = stopped => {}
        }
    } else {
        axum::serve(listener, router).with_graceful_shutdown(stopped).await?;
    }
    log(format_args!("{name}: stopped"));
    Ok(())
}
