//! Panics in threads and tasks, which the test that runs at the time answers for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::{Phase, Problem};

/// A panic that was not on the test's own stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackgroundPanic {
    /// The phase that the test was in.
    pub phase: Phase,
    /// The thread or task, in words.
    pub thread: String,
    /// What happened.
    pub problem: Problem,
}

/// The panics in threads and tasks since the test began.
static PANICS: Mutex<Vec<BackgroundPanic>> = Mutex::new(Vec::new());

/// Whether the running test has called [`allow_background_panics`].
static ALLOWED: AtomicBool = AtomicBool::new(false);

/// Says that threads and tasks of this test panic on purpose: they do not fail it. The reason is for the readers of the test.
///
/// Without it a panic in a thread or task fails the test that runs at the time, whether the test joins the thread, awaits the
/// task, or does neither.
///
/// # Examples
///
/// ```ignore
/// #[integration_test]
/// async fn a_panicking_handler_is_an_error_500(shop: Shop) {
///     itest::allow_background_panics("the handler panics");
///     shop.get("/panic").await.assert_status(500);
/// }
/// ```
pub fn allow_background_panics(_reason: &str) {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// Whether the running test expects panics in the background.
pub(super) fn is_allowed() -> bool {
    ALLOWED.load(Ordering::Relaxed)
}

/// Adds a panic that fails the running test.
pub(super) fn add(panic: BackgroundPanic) {
    panics().push(panic);
}

/// Takes out the panic that a test hands on when it calls `resume_unwind` with what joining a thread or task returned: one panic is
/// reported once, with the place that only the hook knows.
pub(super) fn take_resumed(message: &str) -> Option<Problem> {
    let mut panics = panics();
    let position = panics.iter().position(|panic| panic.problem.message == message)?;
    Some(panics.remove(position).problem)
}

/// The panics in the background since the last call. The permission ends, too, so that the next test must ask again.
pub(crate) fn take_background_panics() -> Vec<BackgroundPanic> {
    ALLOWED.store(false, Ordering::Relaxed);
    std::mem::take(&mut *panics())
}

fn panics() -> MutexGuard<'static, Vec<BackgroundPanic>> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}
