//! Empty async tests under bare libtest-mimic: a closure per test, on the threads of the harness.

#![allow(clippy::unused_async, reason = "the tests are async and do nothing")]

mod cases;

use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

/// One runtime for all tests, because this is the fastest way to run async bodies here.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).build());

/// Runs one body to its end on the calling thread.
///
/// This function is not generic, because it would be compiled again for each test.
pub(crate) fn run(body: Pin<&mut dyn Future<Output = ()>>) -> Result<(), Failed> {
    match &*RUNTIME {
        Ok(runtime) => {
            runtime.block_on(body);
            Ok(())
        }
        Err(error) => Err(Failed::from(error)),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = Vec::new();
    cases::collect(&mut trials);
    libtest_mimic::run(&arguments, trials).exit_code()
}
