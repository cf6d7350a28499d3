//! Empty async tests under libtest-mimic, found through inventory: a boxed future per test.

#![allow(clippy::unused_async, reason = "the tests are async and do nothing")]

mod cases;

use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};

/// A test as it registers itself.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) body: fn() -> Pin<Box<dyn Future<Output = ()>>>,
}

inventory::collect!(Case);

/// One runtime for all tests, because this is the fastest way to run async bodies here.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).build());

/// Runs one body to its end on the calling thread.
fn run(case: &Case) -> Result<(), Failed> {
    match &*RUNTIME {
        Ok(runtime) => {
            runtime.block_on((case.body)());
            Ok(())
        }
        Err(error) => Err(Failed::from(error)),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = inventory::iter::<Case>.into_iter().map(|case| Trial::test(case.name, || run(case))).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
