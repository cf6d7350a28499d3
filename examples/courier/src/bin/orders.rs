//! The program of the service [`courier::orders`].

use std::process::ExitCode;
use std::time::Duration;

use courier::Defect;
use courier::orders::{Config, MIGRATIONS, Orders};
use courier::program::{self, ProgramError, setting};

#[tokio::main]
async fn main() -> ExitCode {
    program::exit_code("orders", run().await)
}

async fn run() -> Result<(), ProgramError> {
    let defect = program::defect()?;
    let config = Config {
        amqp_url: setting("AMQP_URL")?,
        payments_url: setting("PAYMENTS_URL")?,
        payment_timeout: program::milliseconds("PAYMENT_TIMEOUT_MS", Duration::from_secs(5))?,
        pause: program::milliseconds("PAUSE_MS", Duration::from_millis(200))?,
        defect,
    };
    let pool = program::database(&MIGRATIONS).await?;
    let orders = Orders::start(pool.clone(), config).await?;
    program::serve("orders", orders.router(), defect).await?;
    if defect == Some(Defect::RunningRequestsAreDropped) {
        return Ok(());
    }
    orders.stop().await;
    pool.close().await;
    Ok(())
}
