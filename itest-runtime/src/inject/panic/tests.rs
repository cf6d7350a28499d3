//! Guards in a process whose other threads run other tests: hooks that tests set are tried on whole suites instead.

use std::panic;

use super::*;
use crate::model::Problem;

#[test]
fn panic_is_caught_with_its_place_and_skip_with_its_reason() {
    install_panic_hook(PanicOutput::WhenCaught);
    let Err(Caught::Panic(problem)) = catch_panic(|| panic!("broken {}", 7)) else {
        panic!("no panic was caught");
    };
    assert_eq!(problem.message, "broken 7");
    assert!(problem.location.is_some_and(|place| place.as_str().contains("tests.rs:")));
    assert_eq!(catch_panic(|| skip("later".to_owned())), Err::<(), _>(Caught::Skip("later".to_owned())));
}

#[test]
fn panic_that_the_code_caught_gives_no_place_to_a_later_one() {
    install_panic_hook(PanicOutput::WhenCaught);
    let result = catch_panic(|| {
        let _ = panic::catch_unwind(|| panic!("first"));
        panic::resume_unwind(Box::new("second"))
    });
    assert_eq!(result, Err::<(), _>(Caught::Panic(Problem::new("second"))));
}

#[test]
fn panic_that_is_handed_on_from_a_thread_keeps_its_place_and_is_reported_once() {
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
