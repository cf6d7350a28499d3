//! Panics, caught with everything that is known of them; a skip travels the same way.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::task::Poll;
use std::time::Instant;

use super::phase::excuse;
use crate::model::{Problem, SourceLocation};

thread_local! {
    /// How many guards this thread is under.
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    static LAST: RefCell<Option<Problem>> = const { RefCell::new(None) };
}

/// Panics of threads and tasks since somebody asked.
static STRAYS: Mutex<Vec<Problem>> = Mutex::new(Vec::new());

/// Whether the running test expects some.
static ALLOWED: AtomicBool = AtomicBool::new(false);

/// Says that threads and tasks of this test panic on purpose: they do not fail it.
///
/// Otherwise a panic in a thread or task fails the test that runs at the time, whether somebody awaits the task or not.
///
/// # Examples
///
/// ```ignore
/// #[integration_test]
/// async fn a_panicking_handler_is_an_error_500(shop: Shop) {
///     itest::allow_background_panics("the handler panics");
///     shop.get("/panic").await.assert_status(500);
/// }
/// ```
pub fn allow_background_panics(_reason: &str) {
    ALLOWED.store(true, Ordering::Relaxed);
}

/// The panics of threads and tasks since the last call; those of the next test are its own.
pub(crate) fn take_background_panics() -> Vec<Problem> {
    ALLOWED.store(false, Ordering::Relaxed);
    std::mem::take(&mut *STRAYS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Why a guarded future did not end by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caught {
    /// It panicked.
    Panic(Problem),
    /// It asked to be skipped, for this reason.
    Skip(String),
}

struct SkipRequest(String);

/// Leaves the test, which is then reported as skipped; see `itest::skip!`.
pub fn skip(reason: String) -> ! {
    panic::resume_unwind(Box::new(SkipRequest(reason)))
}

/// Makes panics of guarded code silent and remembered; panics elsewhere go to the hook that was there before.
pub(crate) fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDS.get() == 0 {
                // In a thread or task that the test started.
                if !ALLOWED.load(Ordering::Relaxed) {
                    let mut strays = STRAYS.lock().unwrap_or_else(PoisonError::into_inner);
                    strays.push(describe(info));
                }
                previous(info);
            } else {
                // Finding the names of a stack takes a while, the first time; it is no part of what the test does.
                let began = Instant::now();
                let problem = describe(info);
                excuse(began.elapsed());
                LAST.with_borrow_mut(|last| *last = Some(problem));
            }
        }));
    });
}

/// Runs a future; a panic inside becomes a value.
///
/// # Errors
///
/// What was caught.
///
/// # Cancel safety
///
/// As that of the future.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Caught> {
    let mut future = pin!(future);
    poll_fn(move |context| match catch_panic(|| future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(caught) => Poll::Ready(Err(caught)),
    })
    .await
}

/// Runs a function; a panic inside becomes a value.
///
/// # Errors
///
/// What was caught.
pub(crate) fn catch_panic<T>(function: impl FnOnce() -> T) -> Result<T, Caught> {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            GUARDS.set(GUARDS.get() - 1);
        }
    }
    GUARDS.set(GUARDS.get() + 1);
    let _guard = Guard;
    panic::catch_unwind(AssertUnwindSafe(function)).map_err(caught)
}

fn caught(payload: Box<dyn Any + Send>) -> Caught {
    match payload.downcast::<SkipRequest>() {
        Ok(request) => Caught::Skip(request.0),
        Err(payload) => {
            // `resume_unwind` calls no hook: then what is remembered is of another panic, which was caught before.
            let text = payload_text(payload.as_ref());
            let remembered = LAST.with_borrow_mut(Option::take).filter(|last| last.message == text);
            Caught::Panic(remembered.unwrap_or_else(|| Problem::new(text)))
        }
    }
}

fn describe(info: &PanicHookInfo<'_>) -> Problem {
    Problem {
        message: payload_text(info.payload()),
        location: info.location().map(|location| SourceLocation::new(location.to_string())),
        backtrace: user_frames(&Backtrace::capture()),
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic whose payload is not text".to_owned())
}

/// The last of these frames is the one that calls the user's code back, as it were. Assertions of built-in fixtures panic
/// on behalf of their callers.
const MACHINERY: [&str; 6] = [
    "rust_begin_unwind",
    "core::panicking::",
    "core::option::",
    "core::result::",
    "std::panicking::begin_panic",
    "itest_fixtures::",
];

/// Whoever calls the user's code: the harness, a thread, a runtime.
const CALLERS: [&str; 5] =
    ["itest_runtime::", "__INVENTORY", "__rust_begin_short_backtrace", "spawn_unchecked", "tokio::runtime::"];

/// The frames between the panic machinery and the harness, numbered anew.
fn user_frames(backtrace: &Backtrace) -> Option<String> {
    if backtrace.status() != BacktraceStatus::Captured {
        return None;
    }
    let text = backtrace.to_string();
    let mut frames: Vec<(&str, &str)> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((_, symbol)) = line.trim_start().split_once(": ") else { continue };
        let place = lines.next_if(|next| next.trim_start().starts_with("at ")).unwrap_or_default();
        frames.push((symbol, place.trim_start()));
    }
    let is_machinery = |(symbol, _): &(&str, &str)| MACHINERY.iter().any(|part| symbol.contains(part));
    let is_own = |(symbol, _): &&(&str, &str)| CALLERS.iter().any(|part| symbol.contains(part));
    let begin = frames.iter().position(is_machinery).unwrap_or(0);
    let begin = begin + frames[begin..].iter().take_while(|frame| is_machinery(frame)).count();
    let frames: Vec<_> = frames[begin..]
        .iter()
        .take_while(|frame| !is_own(frame))
        .filter(|(symbol, _)| !symbol.starts_with("core::"))
        .enumerate()
        .map(|(number, (symbol, place))| match *place {
            "" => format!("{number:>4}: {symbol}"),
            place => format!("{number:>4}: {symbol}\n             {place}"),
        })
        .collect();
    // A single frame is the line that is told anyway.
    (frames.len() > 1).then(|| frames.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_place_and_a_skip_with_its_reason() {
        install_panic_hook();
        let Err(Caught::Panic(problem)) = catch_panic(|| panic!("broken {}", 7)) else {
            panic!("no panic was caught");
        };
        assert_eq!(problem.message, "broken 7");
        assert!(problem.location.is_some_and(|place| place.as_str().contains("panic.rs:")));
        assert_eq!(catch_panic(|| skip("later".to_owned())), Err::<(), _>(Caught::Skip("later".to_owned())));
    }

    #[test]
    fn a_panic_that_the_test_caught_itself_is_not_blamed_on_a_later_one() {
        install_panic_hook();
        let result = catch_panic(|| {
            let _ = panic::catch_unwind(|| panic!("first"));
            panic::resume_unwind(Box::new("second"))
        });
        assert_eq!(result, Err::<(), _>(Caught::Panic(Problem::new("second"))));
    }
}
