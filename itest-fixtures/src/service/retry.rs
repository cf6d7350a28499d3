//! Retries an operation while the reason of its failure is temporary.

use std::time::{Duration, Instant};

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// Tries until an attempt succeeds, fails for a permanent reason, or the timeout is over. The pauses double.
pub(crate) async fn retry<T, E, F>(
    timeout: Duration,
    first_pause: Duration,
    attempt: impl Fn() -> F,
    is_temporary: impl Fn(&E) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let (began, mut pause) = (Instant::now(), first_pause);
    loop {
        match attempt().await {
            Err(error) if is_temporary(&error) && began.elapsed() < timeout => tokio::time::sleep(pause).await,
            result => return result,
        }
        pause = MAX_PAUSE.min(pause * 2);
    }
}
