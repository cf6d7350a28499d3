//! The runtimes of a worker: bodies and fixtures run on that of the tests, and may block it; teardown runs on the harness's.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use crate::inject::{
    RuntimeOf, begin_threads_of, harness_runtime, harness_tasks, set_runtime_of_tests, sleep, start_runtime_for_tests,
};
use crate::model::TestRuntime;

/// How long tasks that tests left behind may delay the end of their runtime.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(100);

/// For how long tasks that end by themselves are waited for, in steps.
pub(super) const SETTLING: [Duration; 9] = {
    const fn ms(duration: u64) -> Duration {
        Duration::from_millis(duration)
    }
    [ms(0), ms(1), ms(1), ms(2), ms(4), ms(8), ms(15), ms(30), ms(60)]
};

/// The runtimes of one worker.
#[derive(Debug)]
pub(super) struct Runtimes {
    /// Setup and bodies run here. It lives as long as the worker, as worker fixtures do.
    tests: Runtime,
}

impl Runtimes {
    /// Starts the threads that tests share.
    ///
    /// # Errors
    ///
    /// When the system has no threads or file descriptors left.
    pub(super) fn start() -> io::Result<Self> {
        let tests = start_runtime_for_tests()?;
        set_runtime_of_tests(RuntimeOf::Worker, Some(tests.handle().clone()));
        Ok(Self { tests })
    }

    /// The runtime of setup and bodies.
    pub(super) fn tests(&self) -> &Runtime {
        &self.tests
    }

    /// Runs a future on the runtime of teardown and of the harness itself, which no test's task blocks. The caller is on the tests'.
    pub(super) fn on_harness<F: Future>(&self, future: F) -> F::Output {
        // Where the system has nothing left for another runtime, teardown on the tests' own is better than none.
        block_in_place(|| harness_runtime().unwrap_or(&self.tests).block_on(future))
    }

    /// How many tasks run on both.
    pub(super) fn alive_tasks(&self) -> Tasks {
        Tasks { of_tests: self.tests.metrics().num_alive_tasks(), of_harness: harness_tasks() }
    }

    /// Ends the tests' runtime. What still blocks a thread ends with the process.
    pub(super) fn shut_down(self) {
        self.tests.shutdown_timeout(SHUTDOWN_TIMEOUT);
    }
}

/// How many tasks run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tasks {
    /// On the runtime of setup and bodies.
    pub(super) of_tests: usize,
    /// On the harness's, where teardown and the databases' work in the background run.
    pub(super) of_harness: usize,
}

impl Tasks {
    /// Those that are here and were not there.
    pub(super) fn minus(self, earlier: Self) -> Self {
        Self {
            of_tests: self.of_tests.saturating_sub(earlier.of_tests),
            of_harness: self.of_harness.saturating_sub(earlier.of_harness),
        }
    }

    /// Both together.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { of_tests: self.of_tests + other.of_tests, of_harness: self.of_harness + other.of_harness }
    }
}

/// A runtime that one test asked for.
#[derive(Debug)]
pub(super) struct OwnRuntime {
    runtime: Arc<Runtime>,
    /// Whether its tasks run only while a thread drives it.
    is_driven: bool,
}

impl OwnRuntime {
    /// The runtime that a test's arguments ask for; none for the one that tests share.
    ///
    /// # Errors
    ///
    /// When the system has no threads or file descriptors left.
    pub(super) fn start(asked: TestRuntime) -> io::Result<Option<Self>> {
        let (mut builder, is_driven) = match asked {
            TestRuntime::Worker => return Ok(None),
            TestRuntime::CurrentThread => (Builder::new_current_thread(), true),
            TestRuntime::Threads(threads) => {
                let mut builder = Builder::new_multi_thread();
                builder.worker_threads(usize::from(threads).max(1));
                (builder, false)
            }
        };
        let runtime = begin_threads_of(&mut builder).thread_name("test-runtime").enable_all().build()?;
        set_runtime_of_tests(RuntimeOf::Test, Some(runtime.handle().clone()));
        Ok(Some(Self { runtime: Arc::new(runtime), is_driven }))
    }

    /// Runs a future on it. The caller is on the tests' runtime.
    pub(super) fn run<F: Future>(&self, future: F) -> F::Output {
        block_in_place(|| self.runtime.block_on(future))
    }

    /// Lets its tasks run on while this thread does something else, such as teardown, which may wait for them.
    ///
    /// If the system has no thread left, a step of teardown that waits for such a task ends by its time limit.
    pub(super) fn drive(&self) -> Option<Driver> {
        if !self.is_driven {
            return None;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = Arc::clone(&self.runtime);
        let drive = move || {
            #[cfg(feature = "tracing")]
            crate::process::show_trace_of_this_thread();
            drop(runtime.block_on(stopped));
        };
        let thread = std::thread::Builder::new().name("itest-driver".to_owned()).spawn(drive).ok()?;
        Some(Driver { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it when its tasks have ended, or after a moment; how many were left then. The caller is on the tests' runtime.
    pub(super) fn shut_down(self) -> usize {
        let mut left = 0;
        for wait in SETTLING {
            // This also drives the tasks of a runtime without threads.
            self.run(sleep(wait));
            left = self.runtime.metrics().num_alive_tasks();
            if left == 0 {
                break;
            }
        }
        set_runtime_of_tests(RuntimeOf::Test, None);
        if let Ok(runtime) = Arc::try_unwrap(self.runtime) {
            block_in_place(|| runtime.shutdown_timeout(SHUTDOWN_TIMEOUT));
        }
        left
    }
}

/// A thread that drives a test's runtime, until this is dropped.
#[derive(Debug)]
pub(super) struct Driver {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A task that blocks the thread keeps it, and the runtime with it; the look for leaks finds them.
        let Some(thread) = self.thread.take() else { return };
        let began = std::time::Instant::now();
        while !thread.is_finished() {
            if began.elapsed() > SHUTDOWN_TIMEOUT {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn on_runtime_of_tests(test: impl FnOnce()) {
        Runtimes::start().unwrap().tests().block_on(async { test() });
    }

    #[test]
    fn tasks_of_a_current_thread_runtime_run_on_while_it_is_driven() {
        on_runtime_of_tests(|| {
            let own = OwnRuntime::start(TestRuntime::CurrentThread).unwrap().unwrap();
            let (tell, told) = mpsc::channel();
            own.run(async { drop(tokio::spawn(async move { tell.send(7) })) });
            let driver = own.drive();
            assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(7));
            drop(driver);
            assert_eq!(own.shut_down(), 0);
        });
    }

    #[test]
    fn tasks_that_a_test_left_are_counted_when_its_runtime_ends() {
        on_runtime_of_tests(|| {
            for asked in [TestRuntime::CurrentThread, TestRuntime::Threads(2)] {
                let own = OwnRuntime::start(asked).unwrap().unwrap();
                own.run(async {
                    tokio::spawn(std::future::pending::<()>());
                    tokio::spawn(async { tokio::time::sleep(Duration::from_millis(2)).await });
                });
                assert_eq!(own.shut_down(), 1, "{asked:?}");
            }
        });
    }
}
