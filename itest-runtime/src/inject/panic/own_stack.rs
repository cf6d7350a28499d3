//! Which panics are on the stack of the test itself.

use std::any::Any;
use std::cell::Cell;

thread_local! {
    /// How many guards this thread is under.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, the code of this thread is guarded.
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

/// Whether a panic here is in guarded code itself, and not in a task that the guarded code polls on the same thread: its runtime catches the
/// panics of tasks.
pub(super) fn is_on_own_stack() -> bool {
    GUARDS.get() > 0 && tokio::task::try_id().is_none()
}

/// What a panic said.
pub(super) fn payload_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic whose payload is not text".to_owned())
}
