//! Serves the shop: reads the environment, migrates the database, and runs until a signal stops it.

use std::env::{self, VarError};
use std::io;
use std::process::ExitCode;

use reqwest::Url;
use shop::{Config, Database};
use sqlx::migrate::MigrateError;
use tokio::net::TcpListener;

/// The key must not be shorter than the output of the hash function, which has 32 bytes.
const MIN_TOKEN_KEY_BYTES: usize = 32;

/// The reason why the shop cannot run.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("the environment variable {0} is missing; it holds {1}")]
    Missing(&'static str, &'static str),
    #[error("the environment variable {0} is not valid UTF-8")]
    NotUnicode(&'static str),
    #[error("TOKEN_KEY is too short; it must have at least {MIN_TOKEN_KEY_BYTES} bytes")]
    ShortTokenKey,
    #[error("GATEWAY_URL must start with http://, but it is `{0}`")]
    GatewayUrl(String),
    // The message leaves the URL out, because it may contain a password.
    #[error("cannot open the database that DATABASE_URL names: {0}")]
    Open(sqlx::Error),
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
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), StartError> {
    let database_url = variable("DATABASE_URL", "the database, such as sqlite:shop.db or postgres://localhost/shop")?;
    let gateway_url = variable("GATEWAY_URL", "the base address of the payment gateway")?;
    let token_key = variable("TOKEN_KEY", "the secret that signs tokens")?;
    let address = variable("LISTEN_ADDRESS", "where to listen, such as 127.0.0.1:8080")?;
    if token_key.len() < MIN_TOKEN_KEY_BYTES {
        return Err(StartError::ShortTokenKey);
    }
    if !Url::parse(&gateway_url).is_ok_and(|url| url.scheme() == "http") {
        return Err(StartError::GatewayUrl(gateway_url));
    }

    let database = Database::open(&database_url).await.map_err(StartError::Open)?;
    database.migrate().await?;
    let config = Config::new(gateway_url, token_key);
    serve(&address, shop::app(database.clone(), config)).await?;
    database.close().await;
    Ok(())
}

/// The value of a required environment variable.
fn variable(name: &'static str, meaning: &'static str) -> Result<String, StartError> {
    env::var(name).map_err(|error| match error {
        VarError::NotPresent => StartError::Missing(name, meaning),
        VarError::NotUnicode(_) => StartError::NotUnicode(name),
    })
}

#[expect(clippy::print_stderr, reason = "stderr is this service's log")]
async fn serve(address: &str, app: axum::Router) -> Result<(), StartError> {
    let cannot_listen = |source| StartError::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
    // Port 0 lets the system choose one, so only the listener knows the real address.
    let actual = listener.local_addr().map_err(cannot_listen)?;
    let stopped = stop_signal().map_err(StartError::Signals)?;
    eprintln!("shop: listening on http://{actual}");
    axum::serve(listener, app).with_graceful_shutdown(stopped).await.map_err(StartError::Serve)?;
    eprintln!("shop: stopped");
    Ok(())
}

/// Completes on ctrl-c and on SIGTERM. Listens to both before it returns, so that none is missed.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Completes on ctrl-c.
#[cfg(windows)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}
