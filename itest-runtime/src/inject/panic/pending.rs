//! The last panic on this thread's guarded stack, until it is known whether the test's own code catches it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};

use super::log::log;
use crate::model::{PanicRecord, Problem};

/// A panic that no guard has caught yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// The panic, as the log has it.
    pub(super) record: PanicRecord,
    /// Whether it has been printed, by this process or by a hook of the test's own.
    pub(super) is_printed: bool,
}

/// At most so many panics are kept. Older ones count as caught and are printed, because code may catch thousands of them.
const MAX_PENDING: usize = 8;

thread_local! {
    /// The oldest first.
    static PENDING: RefCell<VecDeque<Pending>> = const { RefCell::new(VecDeque::new()) };
}

/// Keeps a panic beside earlier ones, because it may have happened while they unwound.
pub(super) fn keep(pending: Pending) {
    let surplus = PENDING.with_borrow_mut(|all| {
        all.push_back(pending);
        if all.len() > MAX_PENDING { all.pop_front() } else { None }
    });
    surplus.into_iter().for_each(settle);
}

/// The panic that ended guarded code with this message, and its place; the code has caught the others.
///
/// `resume_unwind` calls no hook; after it, the last panic that the hook has seen is another one, with another message.
pub(super) fn take(message: &str) -> Option<Problem> {
    let is_it = |pending: &mut Pending| pending.record.problem.message == message;
    let last = PENDING.with_borrow_mut(|all| all.pop_back_if(is_it))?;
    Some(last.record.problem)
}

/// Prints the panics that remain to the test's output. The guarded code has ended or entered a new phase, so that it has caught them.
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

/// Writes a panic to the standard error as the standard library does.
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
    // A test that closed its standard error does not want to read this.
    let _ = io::stderr().write_all(text.as_bytes());
}
