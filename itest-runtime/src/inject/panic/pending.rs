//! The last panics in guarded code on this thread. They wait here until it is known whether the test's own code catches them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};

use super::log::log;
use crate::model::{PanicRecord, Problem};

/// A panic that no guard has caught yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// The panic as it was written to the log.
    pub(super) record: PanicRecord,
    /// Whether the harness or a hook of the test has printed the panic.
    pub(super) is_printed: bool,
}

/// The maximum number of panics that are kept. Older ones are treated as caught and printed, because code may catch thousands of panics.
const MAX_PENDING: usize = 8;

thread_local! {
    /// The oldest panic is the first.
    static PENDING: RefCell<VecDeque<Pending>> = const { RefCell::new(VecDeque::new()) };
}

/// Adds a panic. Earlier panics stay, because this panic may have happened while they were unwinding.
pub(super) fn keep(pending: Pending) {
    let surplus = PENDING.with_borrow_mut(|all| {
        all.push_back(pending);
        if all.len() > MAX_PENDING { all.pop_front() } else { None }
    });
    surplus.into_iter().for_each(settle);
}

/// Removes and returns the panic that ended guarded code, if it has this message. The code has caught all other panics.
///
/// `resume_unwind` calls no hook. After such a call, the last panic that the hook recorded is a different one with a different message.
pub(super) fn take(message: &str) -> Option<Problem> {
    let has_message = |pending: &mut Pending| pending.record.problem.message == message;
    let last = PENDING.with_borrow_mut(|all| all.pop_back_if(has_message))?;
    Some(last.record.problem)
}

/// Prints the remaining panics to the test's output. The guarded code has caught them, because it has ended or entered a new phase.
pub(in crate::inject) fn show_caught_panics() {
    let is_any = PENDING.with_borrow(|all| !all.is_empty());
    if is_any && !std::thread::panicking() {
        PENDING.take().into_iter().for_each(settle);
    }
}

fn settle(mut pending: Pending) {
    if !pending.is_printed {
        print(&pending.record.problem);
    }
    pending.record.is_settled = true;
    log(&pending.record);
}

/// Prints a panic to standard error in the format of the standard library.
fn print(problem: &Problem) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let place = problem.location.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
    let mut text = format!("thread '{name}' panicked{place}:\n{}\n", problem.message);
    if let Some(backtrace) = &problem.backtrace {
        text.push_str("stack backtrace:\n");
        text.push_str(backtrace);
        text.push('\n');
    }
    // An error is ignored, because the test may have closed its standard error.
    let _ = io::stderr().write_all(text.as_bytes());
}
