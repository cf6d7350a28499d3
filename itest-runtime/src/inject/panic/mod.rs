//! Panics. The hook records every panic, and a guard turns a panic of user code into a value, so that every panic is reported.
//!
//! A panic happens either on the *test's own stack*, which is under a guard of the harness, or in the *background*, which is another thread
//! or a task. On the test's own stack, a panic ends the test unless the test's code catches it; a caught panic is shown with the test's
//! output. In the background, a panic fails the test unless the test allows it, whether or not its thread or task is joined.

mod background;
mod frames;
mod guard;
mod hook;
mod log;
mod own_stack;
mod pending;

pub use background::allow_background_panics;
pub(crate) use background::{BackgroundPanic, take_background_panics};
pub use guard::skip;
pub(crate) use guard::{Caught, catch, catch_panic};
pub(super) use hook::restore_hook;
pub(crate) use hook::{PanicOutput, begin_panics, install_panic_hook};
pub(crate) use log::log_panics;
pub(super) use pending::show_caught_panics;

#[cfg(test)]
mod tests;
