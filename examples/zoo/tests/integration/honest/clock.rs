//! Time: the tests only assume that it passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use itest::prelude::*;

use crate::surroundings::work_for;

#[integration_test]
async fn work_takes_at_least_its_time(#[values(1, 2, 3, 4, 5)] milliseconds: u64) {
    let start = Instant::now();
    work_for(milliseconds).await;
    assert!(start.elapsed() >= Duration::from_millis(milliseconds));
}

/// Waits for an event, and not for a fixed time.
#[integration_test]
async fn a_task_is_awaited(#[values(0, 1, 2, 3)] milliseconds: u64) -> Result<()> {
    let done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let task = tokio::spawn(async move {
        work_for(milliseconds).await;
        done.store(true, Ordering::Release);
    });
    eventually(|| async { seen.load(Ordering::Acquire) }).equals(true).await?;
    task.await?;
    Ok(())
}

#[integration_test]
fn instants_never_go_back(#[values(10, 100, 1000)] times: u32) {
    let instants: Vec<_> = (0..times).map(|_| Instant::now()).collect();
    assert!(instants.is_sorted());
}
