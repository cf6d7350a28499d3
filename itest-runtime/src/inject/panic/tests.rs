//! Tests of the guards. Hooks that tests set affect the whole process, so they are tested with whole suites in `tests/` instead.

use std::panic;

use super::*;
use crate::model::Problem;

#[test]
fn panic_is_caught_with_location_and_skip_with_reason() {
    install_panic_hook(PanicOutput::WhenCaught);
    let Err(Caught::Panic(problem)) = catch_panic(|| panic!("broken {}", 7)) else {
        panic!("no panic was caught");
    };
    assert_eq!(problem.message, "broken 7");
    assert!(problem.location.is_some_and(|place| place.as_str().contains("tests.rs:")));
    assert_eq!(catch_panic(|| skip("later".to_owned())), Err::<(), _>(Caught::Skip("later".to_owned())));
}

#[test]
fn location_of_caught_panic_is_not_used_for_a_later_one() {
    install_panic_hook(PanicOutput::WhenCaught);
    let result = catch_panic(|| {
        let _ = panic::catch_unwind(|| panic!("first"));
        panic::resume_unwind(Box::new("second"))
    });
    assert_eq!(result, Err::<(), _>(Caught::Panic(Problem::new("second"))));
}

#[test]
fn resumed_panic_of_thread_keeps_location_and_is_reported_once() {
    install_panic_hook(PanicOutput::WhenCaught);
    let result = catch_panic(|| {
        let joined = std::thread::spawn(|| panic!("handed on from a thread")).join();
        panic::resume_unwind(joined.expect_err("the thread panicked"))
    });
    let Err::<(), _>(Caught::Panic(problem)) = result else { panic!("no panic was caught") };
    assert_eq!(problem.message, "handed on from a thread");
    assert!(problem.location.is_some_and(|place| place.as_str().contains("tests.rs:")));
    assert!(!take_background_panics().iter().any(|panic| panic.problem.message == "handed on from a thread"));
}
