//! Panics in background threads and tasks. Each of them fails the test that runs at that time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Phase, Problem};

/// A panic outside of the test's own stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackgroundPanic {
    /// The phase that the test was in.
    pub phase: Phase,
    /// The description of the thread or task.
    pub thread: String,
    /// The message and location of the panic.
    pub problem: Problem,
}

/// The panics in threads and tasks since the start of the test.
static PANICS: Mutex<Vec<BackgroundPanic>> = Mutex::new(Vec::new());

/// Whether the running test has called [`allow_background_panics`].
static ALLOWED: AtomicBool = AtomicBool::new(false);

/// Declares that threads and tasks of this test panic on purpose, so that their panics do not fail the test. The reason is for the
/// readers of the test.
///
/// Without this call, a panic in a thread or task fails the test that runs at that time, whether or not the test joins the thread or
/// awaits the task.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
///
/// #[integration_test]
/// async fn panic_in_a_task_is_returned_to_its_caller() {
///     itest::allow_background_panics("the task panics");
///     let task = tokio::spawn(async { panic!("out of paper") });
///     assert!(task.await.is_err());
/// }
/// # fn main() {}
/// ```
pub fn allow_background_panics(_reason: &str) {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// Whether the running test allows panics in the background.
pub(super) fn is_allowed() -> bool {
    ALLOWED.load(Ordering::Relaxed)
}

/// Adds a panic that fails the running test.
pub(super) fn add(panic: BackgroundPanic) {
    panics().push(panic);
}

/// Removes and returns the background panic with this message.
///
/// A test may join a thread or task and pass the payload of its panic to `resume_unwind`. Such a panic is reported once, with the
/// location that the panic hook recorded.
pub(super) fn take_resumed(message: &str) -> Option<Problem> {
    let mut panics = panics();
    let position = panics.iter().position(|panic| panic.problem.message == message)?;
    Some(panics.remove(position).problem)
}

/// Removes and returns the panics in the background since the last call. The permission of [`allow_background_panics`] ends as well,
/// because it holds for one test only.
pub(crate) fn take_background_panics() -> Vec<BackgroundPanic> {
    ALLOWED.store(false, Ordering::Relaxed);
    std::mem::take(&mut *panics())
}

fn panics() -> MutexGuard<'static, Vec<BackgroundPanic>> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}
