//! The tokio runtimes of a worker: the tests' runtime for setup and bodies, which may block it, and the harness's for teardown.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use crate::inject::{
    RuntimeOf, begin_threads_of, block_on, harness_runtime, harness_tasks, set_runtime_of_tests, sleep,
    start_runtime_for_tests,
};
use crate::model::TestRuntime;

/// How long leaked tasks may delay the shutdown of their runtime.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(100);

/// The delays between the checks that wait for tasks to end by themselves.
pub(super) const SETTLE_DELAYS: [Duration; 9] = {
    const fn ms(duration: u64) -> Duration {
        Duration::from_millis(duration)
    }
    [ms(0), ms(1), ms(1), ms(2), ms(4), ms(8), ms(15), ms(30), ms(60)]
};

/// The runtimes of one worker.
#[derive(Debug)]
pub(super) struct Runtimes {
    /// The runtime of setup and bodies. It lives as long as the worker, because worker fixtures use it.
    tests: Runtime,
}

impl Runtimes {
    /// Starts the runtime that all tests of the worker share.
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

    /// Runs a future on the harness's runtime, which no task of a test can block. The caller runs on the tests' runtime.
    pub(super) fn on_harness<F: Future>(&self, future: F) -> F::Output {
        // If the system cannot start the harness's runtime, teardown on the tests' runtime is better than no teardown.
        block_in_place(|| block_on(harness_runtime().unwrap_or(&self.tests), future))
    }

    /// The number of tasks on the tests' and on the harness's runtime.
    pub(super) fn alive_tasks(&self) -> Tasks {
        Tasks { of_tests: self.tests.metrics().num_alive_tasks(), of_harness: harness_tasks() }
    }

    /// Shuts down the tests' runtime. A task that still blocks a thread ends with the process.
    pub(super) fn shut_down(self) {
        self.tests.shutdown_timeout(SHUTDOWN_TIMEOUT);
    }
}

/// Numbers of running tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tasks {
    /// On the runtime of setup and bodies.
    pub(super) of_tests: usize,
    /// On the harness's runtime, which runs teardown and the background tasks of databases.
    pub(super) of_harness: usize,
}

impl Tasks {
    /// The tasks that have been added since `earlier`.
    pub(super) fn minus(self, earlier: Self) -> Self {
        Self {
            of_tests: self.of_tests.saturating_sub(earlier.of_tests),
            of_harness: self.of_harness.saturating_sub(earlier.of_harness),
        }
    }

    /// The sum of both.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { of_tests: self.of_tests + other.of_tests, of_harness: self.of_harness + other.of_harness }
    }
}

/// The own runtime of one test, which its arguments request.
#[derive(Debug)]
pub(super) struct OwnRuntime {
    runtime: Arc<Runtime>,
    /// Whether its tasks run only while a thread drives it.
    is_driven: bool,
}

impl OwnRuntime {
    /// Starts the runtime that a test requests. Returns none if the test uses the runtime that tests share.
    ///
    /// # Errors
    ///
    /// When the system has no threads or file descriptors left.
    pub(super) fn start(requested: TestRuntime) -> io::Result<Option<Self>> {
        let (mut builder, is_driven) = match requested {
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

    /// Runs a future on this runtime. The caller runs on the tests' runtime.
    pub(super) fn run<F: Future>(&self, future: F) -> F::Output {
        block_in_place(|| block_on(&self.runtime, future))
    }

    /// Keeps the tasks of this runtime running while the current thread does something else. Teardown needs this, because it may wait for
    /// such tasks.
    ///
    /// If the system cannot start a thread, a teardown step that waits for such a task ends at its time limit.
    pub(super) fn drive(&self) -> Option<Driver> {
        if !self.is_driven {
            return None;
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = Arc::clone(&self.runtime);
        let drive = move || {
            #[cfg(feature = "tracing")]
            crate::process::show_trace_of_this_thread();
            drop(block_on(&runtime, stopped));
        };
        let thread = std::thread::Builder::new().name("itest-driver".to_owned()).spawn(drive).ok()?;
        Some(Driver { stop: Some(stop), thread: Some(thread) })
    }

    /// Shuts down this runtime when its tasks have ended, or after about 0.1 s. Returns the number of tasks that still ran. The caller runs
    /// on the tests' runtime.
    pub(super) fn shut_down(self) -> usize {
        let mut remaining = 0;
        for delay in SETTLE_DELAYS {
            // A runtime without threads runs its tasks only during this call.
            self.run(sleep(delay));
            remaining = self.runtime.metrics().num_alive_tasks();
            if remaining == 0 {
                break;
            }
        }
        set_runtime_of_tests(RuntimeOf::Test, None);
        if let Ok(runtime) = Arc::try_unwrap(self.runtime) {
            block_in_place(|| runtime.shutdown_timeout(SHUTDOWN_TIMEOUT));
        }
        remaining
    }
}

/// A thread that drives the runtime of a test. The thread ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Driver {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A task that blocks the thread keeps the thread and the runtime alive. The leak check then reports them.
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
    fn driver_keeps_tasks_of_a_current_thread_runtime_running() {
        on_runtime_of_tests(|| {
            let own = OwnRuntime::start(TestRuntime::CurrentThread).unwrap().unwrap();
            let (sender, receiver) = mpsc::channel();
            own.run(async { drop(tokio::spawn(async move { sender.send(7) })) });
            let driver = own.drive();
            assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(7));
            drop(driver);
            assert_eq!(own.shut_down(), 0);
        });
    }

    #[test]
    fn leaked_tasks_are_counted_when_the_runtime_of_a_test_shuts_down() {
        on_runtime_of_tests(|| {
            for requested in [TestRuntime::CurrentThread, TestRuntime::Threads(2)] {
                let own = OwnRuntime::start(requested).unwrap().unwrap();
                own.run(async {
                    tokio::spawn(std::future::pending::<()>());
                    tokio::spawn(async { tokio::time::sleep(Duration::from_millis(2)).await });
                });
                assert_eq!(own.shut_down(), 1, "{requested:?}");
            }
        });
    }
}
