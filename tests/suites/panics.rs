//! Panics that do not simply end the body: before a crash, caught, in tasks and threads, and with hooks that tests set.

use std::panic;
use std::process::{abort, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use itest::prelude::*;
use tokio::task::LocalSet;

itest::main!();

/// Calls a function when it is dropped during a panic.
struct OnPanic(fn());

impl Drop for OnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}

mod crashes {
    use super::{OnPanic, abort, exit, integration_test, panic, thread};

    #[integration_test]
    fn panics_while_it_unwinds() {
        let _guard = OnPanic(|| panic!("while it is dropped"));
        panic!("the real reason");
    }

    extern "C" fn callback() {
        panic!("the real reason");
    }

    #[integration_test]
    fn panics_in_a_callback_of_c() {
        callback();
    }

    #[integration_test]
    fn aborts_while_it_unwinds() {
        let _guard = OnPanic(|| abort());
        assert_eq!(1, 2, "the real reason");
    }

    #[integration_test]
    fn exits_while_it_unwinds() {
        let _guard = OnPanic(|| exit(3));
        assert_eq!(1, 2, "the real reason");
    }

    #[integration_test(timeout = "200ms")]
    fn hangs_while_it_unwinds() {
        let _guard = OnPanic(|| {
            loop {
                thread::park();
            }
        });
        assert_eq!(1, 2, "the real reason");
    }

    fn endless(depth: u64) -> u64 {
        let page = std::hint::black_box([depth; 128]);
        if page[0] == u64::MAX { 0 } else { endless(depth + 1) + page[0] }
    }

    #[integration_test]
    fn overflows_its_stack_while_it_unwinds() {
        let _guard = OnPanic(|| {
            std::hint::black_box(endless(0));
        });
        panic!("the real reason");
    }

    #[integration_test]
    fn is_killed_while_it_unwinds() {
        let _guard = OnPanic(|| {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        });
        panic!("the real reason");
    }

    #[integration_test]
    fn has_a_message_longer_than_the_log() {
        let _guard = OnPanic(|| abort());
        panic!("the real reason {}", "at length ".repeat(2_000));
    }

    #[integration_test]
    fn aborts_after_a_thread_panicked() {
        let panics = thread::Builder::new().name("worker-7".to_owned()).spawn(|| panic!("the real reason"));
        let _ = panics.map(thread::JoinHandle::join);
        abort();
    }

    #[integration_test]
    fn aborts_after_it_caught_a_panic() {
        #[arrange]
        let caught = panic::catch_unwind(|| panic!("expected"));
        #[act]
        let is_caught = caught.is_err();
        #[assert]
        if is_caught {
            abort();
        }
    }
}

mod caught {
    use super::{integration_test, panic};

    /// Turns a panic of a handler into a response, like a layer of an HTTP server.
    fn answer() -> u16 {
        let handled = panic::catch_unwind(|| -> u16 { panic!("the handler's reason") });
        handled.unwrap_or(500)
    }

    #[integration_test]
    fn handler_panics_and_its_answer_is_wrong() {
        assert_eq!(answer(), 200);
    }

    #[integration_test]
    fn handler_panics_and_its_answer_is_right() {
        assert_eq!(answer(), 500);
    }

    #[integration_test]
    fn hundred_panics() {
        let caught = (0..100).filter(|number| panic::catch_unwind(|| panic!("panic {number}")).is_err()).count();
        assert_eq!(caught, 100);
    }
}

mod background {
    use super::{LocalSet, Ordering, integration_test, panic, thread};

    #[integration_test]
    async fn local_task() {
        let set = LocalSet::new();
        set.run_until(async { drop(tokio::task::spawn_local(async { panic!("in a local task") }).await) }).await;
    }

    #[integration_test]
    fn local_task_of_a_private_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("the runtime can be started");
        let set = LocalSet::new();
        set.block_on(&runtime, async { drop(tokio::task::spawn_local(async { panic!("in a local task") }).await) });
    }

    #[integration_test]
    async fn blocking_task() {
        let _ = tokio::task::spawn_blocking(|| panic!("in a blocking task")).await;
    }

    #[integration_test]
    async fn local_task_on_purpose() {
        itest::allow_background_panics("that is the point");
        let set = LocalSet::new();
        set.run_until(async { drop(tokio::task::spawn_local(async { panic!("in a local task") }).await) }).await;
    }

    #[integration_test]
    fn thread_that_is_joined_in_assert() {
        #[act]
        let started = thread::Builder::new().name("pool-3".to_owned()).spawn(|| {
            while !IS_OVER.load(Ordering::Acquire) {
                thread::yield_now();
            }
            panic!("after the act")
        });
        #[assert]
        IS_OVER.store(true, Ordering::Release);
        let _ = started.map(thread::JoinHandle::join);
    }

    static IS_OVER: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

    /// The resumed panic is the same panic, so it must be reported once.
    #[integration_test]
    async fn resumed_from_a_task() {
        let joined = tokio::spawn(async { panic!("handed on") }).await;
        panic::resume_unwind(joined.expect_err("it panicked").into_panic());
    }
}

mod hooks {
    use super::{Arc, AtomicUsize, Ordering, integration_test, panic, thread};

    /// Tests of libraries do this.
    #[integration_test]
    fn silences_an_expected_panic() {
        panic::set_hook(Box::new(|_| {}));
        let caught = panic::catch_unwind(|| panic!("expected"));
        let _ = panic::take_hook();
        assert!(caught.is_err());
    }

    #[integration_test]
    fn restores_the_earlier_hook() {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(|_| {}));
        let caught = panic::catch_unwind(|| panic!("expected"));
        panic::set_hook(earlier);
        assert!(caught.is_err());
    }

    /// `color-eyre` and `human-panic` do this.
    #[integration_test]
    fn leaves_a_hook() {
        panic::set_hook(Box::new(|info| eprintln!("a hook of the test's own: {info}")));
    }

    /// `sentry` does this.
    #[integration_test]
    fn leaves_a_hook_before_the_others() {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            eprintln!("a hook of the test's own");
            earlier(info);
        }));
    }

    #[integration_test]
    async fn fails_behind_its_own_hook() {
        #[arrange]
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        panic::set_hook(Box::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        #[act]
        let caught = panic::catch_unwind(|| panic!("expected"));
        #[assert]
        assert!(caught.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        tokio::task::yield_now().await;
        panic!("the end");
    }

    #[integration_test]
    async fn fails_after_it_took_the_hook_away() {
        drop(panic::take_hook());
        tokio::task::yield_now().await;
        panic!("the end");
    }

    #[integration_test]
    fn thread_panics_behind_a_hook_of_its_own() {
        #[arrange]
        panic::set_hook(Box::new(|_| eprintln!("a hook of the test's own")));
        #[act]
        let joined = thread::spawn(|| panic!("in a thread")).join();
        #[assert]
        assert!(joined.is_err());
    }

    /// These tests have the same outcome before and after all tests above.
    #[integration_test]
    fn thread_panics(#[values(0, 1, 2, 3)] _turn: u8) {
        let _ = thread::spawn(|| panic!("in a thread")).join();
    }

    #[integration_test]
    fn fails_somewhere(#[values(0, 1, 2, 3)] _turn: u8) {
        #[act]
        let sum = 3 + 4;
        #[assert]
        assert_eq!(sum, 8);
    }
}
