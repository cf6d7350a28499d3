//! The panic hook. The harness's hook stays installed in every test, even if the test sets a hook of its own.

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
use crate::inject::phase::{exclude_time, phase_of_attempt};
use crate::model::{PanicRecord, Problem, SourceLocation};

type Hook = dyn Fn(&PanicHookInfo<'_>) + Send + Sync + 'static;

/// When panics on the test's own stack are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanicOutput {
    /// Print only the panics that the test's code catches. The report shows all others. It does so even if the process dies, because the
    /// log survives the process.
    WhenCaught,
    /// Print at once, because no other process would report them.
    AtOnce,
}

/// The hook of the standard library, which was installed before the harness's hook.
///
/// The hook stays in its box. Its address identifies it: the standard library boxes a function without data, which has the same address in
/// each box.
static ORIGINAL: OnceLock<Box<Hook>> = OnceLock::new();

/// Set when code replaced or removed the harness's hook, which drops it.
static IS_REPLACED: AtomicBool = AtomicBool::new(false);

/// The address of the harness's hook.
static OWN_HOOK: AtomicUsize = AtomicUsize::new(0);

/// Whether the harness's hook calls a hook that the running test has set.
static CALLS_TEST_HOOK: AtomicBool = AtomicBool::new(false);

/// The id of the process that installed the hook. A forked child has no harness to report to, so that its panics go to the other hooks only.
static PROCESS_ID: AtomicU32 = AtomicU32::new(0);

static PRINTS_AT_ONCE: AtomicBool = AtomicBool::new(false);

/// The number of panics in the attempt so far.
static SEQUENCE: AtomicU32 = AtomicU32::new(0);

/// Installs the harness's panic hook in this process.
pub(crate) fn install_panic_hook(output: PanicOutput) {
    static ONCE: Once = Once::new();
    PRINTS_AT_ONCE.store(output == PanicOutput::AtOnce, Ordering::Relaxed);
    ONCE.call_once(|| {
        PROCESS_ID.store(std::process::id(), Ordering::Relaxed);
        let _ = ORIGINAL.set(panic::take_hook());
        set_own_hook(None);
    });
}

/// Prepares the hook for a new attempt. A hook that an earlier test set is removed, so that it can neither see nor hide the panics of the
/// attempt.
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
/// Code that sets a hook drops the harness's hook, and the drop sets a flag. The check here therefore costs one load. Rust does not
/// notify the harness when a hook is set, so until the test awaits, enters a phase or ends, its panics reach only its own hook.
pub(in crate::inject) fn restore_hook() {
    if IS_REPLACED.load(Ordering::Relaxed) && !std::thread::panicking() {
        let hook = panic::take_hook();
        let is_original = ORIGINAL.get().is_some_and(|original| ptr::eq(&raw const *hook, &raw const **original));
        set_own_hook((!is_original).then_some(hook));
    }
}

/// Is owned by the harness's hook, and sets [`IS_REPLACED`] when the hook is dropped.
struct Sentinel;

impl Drop for Sentinel {
    fn drop(&mut self) {
        IS_REPLACED.store(true, Ordering::Relaxed);
    }
}

fn set_own_hook(test_hook: Option<Box<Hook>>) {
    let (sentinel, calls_test_hook) = (Sentinel, test_hook.is_some());
    let hook: Box<Hook> = Box::new(move |info| {
        let _ = &sentinel;
        handle_panic(info, test_hook.as_deref());
    });
    OWN_HOOK.store(address(&*hook), Ordering::Relaxed);
    CALLS_TEST_HOOK.store(calls_test_hook, Ordering::Relaxed);
    panic::set_hook(hook);
    IS_REPLACED.store(false, Ordering::Relaxed);
}

/// Whether a hook is the one that [`set_own_hook`] installed last, and calls no hook of a test.
fn is_own(hook: &Hook) -> bool {
    // After the harness's hook was dropped, another hook may have the same address.
    !IS_REPLACED.load(Ordering::Relaxed)
        && address(hook) == OWN_HOOK.load(Ordering::Relaxed)
        && !CALLS_TEST_HOOK.load(Ordering::Relaxed)
}

fn address(hook: &Hook) -> usize {
    (&raw const *hook).cast::<()>().addr()
}

/// Records a panic of this thread, then calls the test's own hook or the original one.
fn handle_panic(info: &PanicHookInfo<'_>, test_hook: Option<&Hook>) {
    let original = ORIGINAL.get().map(Box::as_ref);
    if std::process::id() != PROCESS_ID.load(Ordering::Relaxed) {
        if let Some(hook) = test_hook.or(original) {
            hook(info);
        }
        return;
    }
    let began = Instant::now();
    let problem = describe(info);
    // The first backtrace takes long, because the symbols are loaded. This time must not count as the test's.
    exclude_time(began.elapsed());
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
    let thread = describe_thread();
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
    // Lines of the standard library do not help the user.
    let is_of_user = |location: &&Location<'_>| !location.file().starts_with("/rustc/");
    Problem {
        message: payload_text(info.payload()),
        location: info.location().filter(is_of_user).map(|location| SourceLocation::new(location.to_string())),
        backtrace: user_frames(&Backtrace::capture()),
    }
}

/// Describes the current thread or task for a report.
fn describe_thread() -> String {
    if tokio::task::try_id().is_some() {
        return "a task".to_owned();
    }
    match std::thread::current().name() {
        Some(name) => format!("the thread `{name}`"),
        None => "a thread without a name".to_owned(),
    }
}
