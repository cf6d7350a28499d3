//! The program of the service [`courier::dispatch`].

use std::process::ExitCode;
use std::time::Duration;

use courier::dispatch::{Config, Dispatch, MIGRATIONS, Store};
use courier::program::{self, ProgramError, setting};

#[tokio::main]
async fn main() -> ExitCode {
    program::exit_code("dispatch", run().await)
}

async fn run() -> Result<(), ProgramError> {
    let defect = program::defect()?;
    let config = Config {
        amqp_url: setting("AMQP_URL")?,
        redis_url: setting("REDIS_URL")?,
        smtp_url: setting("SMTP_URL")?,
        store: Store {
            endpoint: setting("AWS_ENDPOINT_URL")?,
            region: setting("AWS_REGION")?,
            bucket: setting("RECEIPTS_BUCKET")?,
            access_key: setting("AWS_ACCESS_KEY_ID")?,
            secret_key: setting("AWS_SECRET_ACCESS_KEY")?,
        },
        call_timeout: program::milliseconds("CALL_TIMEOUT_MS", Duration::from_secs(5))?,
        cache_expiry: program::milliseconds("CACHE_EXPIRY_MS", Duration::from_mins(1))?,
        pause: program::milliseconds("PAUSE_MS", Duration::from_millis(200))?,
        defect,
    };
    let pool = program::database(&MIGRATIONS).await?;
    let dispatch = Dispatch::start(pool.clone(), config).await?;
    program::serve("dispatch", dispatch.router(), defect).await?;
    dispatch.stop().await;
    pool.close().await;
    Ok(())
}
