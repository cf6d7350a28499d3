//! Panics: the hook sees each of them, a guard turns those of user code into values, and none of them goes unreported.
//!
//! A panic is on the *test's own stack*, under a guard of the harness, or in the *background*: in another thread or in a task. On
//! the test's own stack it ends the test, unless the test's code catches it; then it is shown with the test's output. In the
//! background it fails the test, whether its thread or task is joined or not, unless the test allows it.

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
