//! The harness's own runtime in this process. Test bodies and fixtures do not run on it, so that they cannot block it. Teardown runs on
//! it, and so does work that goes on after its test, such as dropping the test's database.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use super::own_threads::register_threads_of;

/// The runtime is started by its first use, because a suite without fixtures does not need it.
static HARNESS: OnceLock<Option<Runtime>> = OnceLock::new();

/// The runtimes on which the tests of this process run: the shared runtime of the worker, and the running test's own runtime.
static OF_TESTS: Mutex<[Option<Handle>; 2]> = Mutex::new([None, None]);

/// The harness's own runtime; `None` if the system has no threads or file descriptors left for it.
pub(crate) fn harness_runtime() -> Option<&'static Runtime> {
    let start = || {
        let mut builder = Builder::new_multi_thread();
        register_threads_of(&mut builder).worker_threads(1).thread_name("itest-harness").enable_all().build().ok()
    };
    HARNESS.get_or_init(start).as_ref()
}

/// The minimum number of threads, because with fewer threads tests whose tasks block on each other would hang.
const MIN_THREADS: usize = 4;

/// A runtime for the code of tests and fixtures, which may block its threads.
///
/// # Errors
///
/// When the system has no threads or file descriptors left.
pub(crate) fn start_runtime_for_tests() -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(cores.max(MIN_THREADS)).thread_name("itest-runtime").enable_all();
    register_threads_of(&mut builder).build()
}

/// The number of tasks that run on the harness's own runtime.
pub(crate) fn harness_tasks() -> usize {
    HARNESS.get().and_then(Option::as_ref).map_or(0, |runtime| runtime.metrics().num_alive_tasks())
}

/// The harness's own runtime, for work of fixtures that goes on after a test, such as dropping the test's database.
///
/// # Panics
///
/// If the system has no resources for another runtime and the caller does not run on a runtime.
#[must_use]
pub fn background() -> Handle {
    harness_runtime().map_or_else(Handle::current, |runtime| runtime.handle().clone())
}

/// Which tests a runtime belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuntimeOf {
    /// All tests of the worker.
    Worker,
    /// The running test.
    Test,
}

/// Sets or removes the runtime on which tests run from now on.
pub(crate) fn set_runtime_of_tests(of: RuntimeOf, handle: Option<Handle>) {
    of_tests()[of as usize] = handle;
}

/// The number of tasks on the runtimes of tests, for fixtures that must know whether a task outlived its test.
///
/// # Panics
///
/// If neither the harness nor tokio runs.
#[must_use]
pub fn tasks_of_tests() -> usize {
    let handles = of_tests();
    if handles.iter().all(Option::is_none) {
        return Handle::current().metrics().num_alive_tasks();
    }
    handles.iter().flatten().map(|handle| handle.metrics().num_alive_tasks()).sum()
}

fn of_tests() -> MutexGuard<'static, [Option<Handle>; 2]> {
    OF_TESTS.lock().unwrap_or_else(PoisonError::into_inner)
}
