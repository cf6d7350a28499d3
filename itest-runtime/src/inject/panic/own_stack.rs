//! Tells panics on the test's own stack from panics in the background.

use std::any::Any;
use std::cell::Cell;

thread_local! {
    /// The number of active guards on this thread.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}

/// Marks the code of this thread as guarded until the value is dropped.
pub(super) struct OwnStack;

impl OwnStack {
    pub(super) fn begin() -> Self {
        GUARDS.set(GUARDS.get() + 1);
        Self
    }
}

impl Drop for OwnStack {
    fn drop(&mut self) {
        GUARDS.set(GUARDS.get() - 1);
    }
}

/// Whether a panic on this thread is in guarded code itself. A task that guarded code polls on the same thread does not count, because its
/// runtime catches its panics.
pub(super) fn is_on_own_stack() -> bool {
    GUARDS.get() > 0 && tokio::task::try_id().is_none()
}

/// The message of a panic.
pub(super) fn payload_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic whose payload is not text".to_owned())
}
