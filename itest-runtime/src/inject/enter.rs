//! The function that a phase attribute, such as `#[act]`, calls in the body of a test.

use std::panic::Location;
use std::time::Duration;

use super::panic::{restore_hook, show_caught_panics};
use super::phase::begin_phase;
use crate::model::Phase;

/// Ends the current phase and begins the next one. If no attempt runs on this thread, the function does nothing.
#[track_caller]
pub fn enter_phase(phase: Phase, description: Option<&'static str>, within: Option<Duration>) {
    restore_hook();
    // The body still runs, so its code has caught all earlier panics.
    show_caught_panics();
    // The engine enters setup, the invariants, teardown, and a body without phase attributes. These phases have no line of their own.
    let is_marked = matches!(phase, Phase::Arrange | Phase::Act | Phase::Assert);
    // The caller's location is read here and not in a closure, because in a closure `Location::caller` does not return the
    // caller of this function.
    let caller = Location::caller();
    begin_phase(phase, description, within, is_marked.then_some(caller));
}
