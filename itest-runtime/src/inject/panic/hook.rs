//! The panic hook: it is ours in every test, whatever hooks tests set.

use std::backtrace::Backtrace;
use std::panic::{self, Location, PanicHookInfo};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};
use std::time::Instant;

use super::background::{self, BackgroundPanic};
use super::frames::user_frames;
use super::log::log;
use super::own_stack::{is_on_own_stack, payload_text};
use super::pending::{self, Pending};
use crate::inject::phase::{excuse, phase_of_attempt};
use crate::model::{PanicRecord, Problem, SourceLocation};

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static;

/// When panics on the test's own stack are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanicOutput {
    /// Only if the test's code catches them: the report has the others, also when the process dies, because the log survives it.
    WhenCaught,
    /// At once: no other process would report them.
    AtOnce,
}

/// The hook that was there before the harness's: the standard library's own.
///
/// It stays in its box: the standard library boxes a function without data, so that its address is the same in each box.
static ORIGINAL: OnceLock<Box<Hook>> = OnceLock::new();

/// Set when code replaced or removed the harness's hook, which drops it.
static IS_REPLACED: AtomicBool = AtomicBool::new(false);

/// The address of the harness's hook.
static OWN: AtomicUsize = AtomicUsize::new(0);

/// Whether the harness's hook calls one that the running test has set.
static CALLS_ANOTHER: AtomicBool = AtomicBool::new(false);

/// The process of the harness. A forked child has no harness to report to, so that its panics go to the other hooks only.
static PROCESS: AtomicU32 = AtomicU32::new(0);

static PRINTS_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// How many panics the attempt has had.
static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// The panic hook of this process reports to the harness from now on.
pub(crate) fn install_panic_hook(output: PanicOutput) {
    static ONCE: Once = Once::new();
    PRINTS_AT_ONCE.store(output == PanicOutput::AtOnce, Ordering::Relaxed);
    ONCE.call_once(|| {
        PROCESS.store(std::process::id(), Ordering::Relaxed);
        let _ = ORIGINAL.set(panic::take_hook());
        set_own_hook(None);
    });
}

/// An attempt begins: the hook of an earlier test must not see, or hide, its panics.
pub(crate) fn begin_panics() {
    SEQUENCE.store(0, Ordering::Relaxed);
    if ORIGINAL.get().is_none() {
        return;
    }
    let hook = panic::take_hook();
    if is_own(&*hook) {
        panic::set_hook(hook);
    } else {
        drop(hook);
        set_own_hook(None);
    }
}

/// Puts the harness's hook in front of a hook that the running test has set.
///
/// Code that sets a hook drops the harness's, so that this check costs one load. Until the test awaits, enters a phase or ends, its panics
/// reach its own hook alone, because Rust does not tell the harness that a hook was set.
pub(in crate::inject) fn restore_hook() {
    if IS_REPLACED.load(Ordering::Relaxed) && !std::thread::panicking() {
        let hook = panic::take_hook();
        let is_original = ORIGINAL.get().is_some_and(|original| ptr::eq(&raw const *hook, &raw const **original));
        set_own_hook((!is_original).then_some(hook));
    }
}

/// Says that the hook which owns it was dropped.
struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        IS_REPLACED.store(true, Ordering::Relaxed);
    }
}

fn set_own_hook(test_hook: Option<Box<Hook>>) {
    let (sentinel, calls_another) = (Sentinel, test_hook.is_some());
    let hook: Box<Hook> = Box::new(move |info| {
        let _ = &sentinel;
        handle_panic(info, test_hook.as_deref());
    });
    OWN.store(address(&*hook), Ordering::Relaxed);
    CALLS_ANOTHER.store(calls_another, Ordering::Relaxed);
    panic::set_hook(hook);
    IS_REPLACED.store(false, Ordering::Relaxed);
}

/// Whether a hook is the one that [`set_own_hook`] made last, for a test that has none of its own.
fn is_own(hook: &Hook) -> bool {
    // A hook that was dropped may have left its address to another one.
    !IS_REPLACED.load(Ordering::Relaxed)
        && address(hook) == OWN.load(Ordering::Relaxed)
        && !CALLS_ANOTHER.load(Ordering::Relaxed)
}

fn address(hook: &Hook) -> usize {
    (&raw const *hook).cast::<()>().addr()
}

/// Records a panic of this thread, then calls the test's own hook or the original one.
fn handle_panic(info: &PanicHookInfo<'_>, test_hook: Option<&Hook>) {
    let original = ORIGINAL.get().map(Box::as_ref);
    if std::process::id() != PROCESS.load(Ordering::Relaxed) {
        if let Some(hook) = test_hook.or(original) {
            hook(info);
        }
        return;
    }
    let began = Instant::now();
    let problem = describe(info);
    // Finding the names of a stack takes a while, the first time; it is no part of what the test does.
    excuse(began.elapsed());
    let sequence = SEQUENCE.fetch_add(1, Ordering::Relaxed);
    let phase = phase_of_attempt();
    if is_on_own_stack() {
        let record = PanicRecord { sequence, phase, thread: None, problem, is_settled: false };
        log(&record);
        let printing = test_hook.or(original.filter(|_| PRINTS_AT_ONCE.load(Ordering::Relaxed)));
        if let Some(hook) = printing {
            hook(info);
        }
        pending::keep(Pending { record, is_printed: printing.is_some() });
        return;
    }
    let thread = thread_in_words();
    let is_settled = background::is_allowed();
    log(&PanicRecord { sequence, phase, thread: Some(thread.clone()), problem: problem.clone(), is_settled });
    if !is_settled {
        background::add(BackgroundPanic { phase, thread, problem });
    }
    if let Some(hook) = test_hook.or(original) {
        hook(info);
    }
}

fn describe(info: &PanicHookInfo<'_>) -> Problem {
    // Lines of the standard library mean nothing to a user.
    let of_user = |place: &&Location<'_>| !place.file().starts_with("/rustc/");
    Problem {
        message: payload_text(info.payload()),
        location: info.location().filter(of_user).map(|place| SourceLocation::new(place.to_string())),
        backtrace: user_frames(&Backtrace::capture()),
    }
}

/// What this thread is to the test that runs.
fn thread_in_words() -> String {
    if tokio::task::try_id().is_some() {
        return "a task".to_owned();
    }
    match std::thread::current().name() {
        Some(name) => format!("the thread `{name}`"),
        None => "a thread without a name".to_owned(),
    }
}
