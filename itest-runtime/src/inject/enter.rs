//! What the mark of a phase does in the body of a test.

use std::panic::Location;
use std::time::Duration;

use super::panic::{restore_hook, show_caught_panics};
use super::phase::begin_phase;
use crate::model::Phase;

/// Ends the current phase and begins another. Without a running attempt on this thread it does nothing.
#[track_caller]
pub fn enter_phase(phase: Phase, description: Option<&'static str>, within: Option<Duration>) {
    restore_hook();
    // The body goes on, so it has caught what panicked before.
    show_caught_panics();
    // The engine enters setup, teardown and a body without marks. Their place is the test itself.
    let is_marked = matches!(phase, Phase::Arrange | Phase::Act | Phase::Assert);
    // It is asked for here and not in a closure, because a function pointer has no caller.
    let caller = Location::caller();
    begin_phase(phase, description, within, is_marked.then_some(caller));
}
