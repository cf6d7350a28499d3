//! Changes that a test makes to its process are undone, or the process is replaced: the next test does not see them.

use std::process::Stdio;
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Suite, signal};
use rustix::process::Signal;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-state"), dir)
}

/// The rows of the table in docs/tests.md.
#[integration_test(tags("state"))]
#[case::umask("changes_the_umask", "a changed umask (077)")]
#[case::alarm("sets_an_alarm", "a pending alarm")]
#[case::timer("sets_a_timer_of_processor_time", "a timer of processor time")]
#[case::mask("blocks_signals", "blocked signals")]
#[case::children("ignores_the_end_of_children", "SIGCHLD ignored")]
#[case::pipes("resets_sigpipe_to_default", "SIGPIPE reset to its default action")]
#[case::requests("ignores_requests_to_end", "SIGTERM ignored")]
#[case::soft_limit("lowers_the_soft_limit_of_open_files", "a changed limit of open files (64)")]
#[case::hard_limit("lowers_the_hard_limit_of_open_files", "a changed limit of open files (200)")]
#[case::priority("lowers_its_priority", "a changed priority (7)")]
fn process_change_is_reported_with_its_test(#[case] test: &str, #[case] expected: &str, dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    let case = events.case(test);
    assert_eq!(case["outcome"], "passed");
    assert!(case["leaks"].to_string().contains(expected), "{case:#}");
    Ok(())
}

#[integration_test(tags("state"))]
fn process_state_is_restored_for_the_next_test(
    dir: &TempDir,
    #[values("declared", "reverse", "random")] order: &str,
    #[values("warn", "ignore")] leaks: &str,
) -> Result<()> {
    let events =
        suite(dir).events(&["--jobs", "1", "--order", order, "--leaks", leaks, "--skip", "forks", "--repeat", "2"])?;
    for (test, outcome) in events.outcomes() {
        assert_eq!(outcome, "passed", "{test}: {:#}", events.case(&test));
    }
    assert_eq!(events.finished.code(), Some(0), "{:#}", events.summary());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("state"))]
fn atexit_function_runs_at_the_end_of_the_worker(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["registers_a_function_for_the_end", "sleeps_400_ms"])?;
    assert_eq!(events.finished.code(), Some(0), "{:#}", events.summary());
    Ok(())
}

#[integration_test(tags("state"))]
fn signal_handler_stays_and_is_not_reported_as_leak(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--jobs", "1", "handles_a_signal", "waits_for_a_child"])?;
    for id in events.outcomes().keys() {
        assert!(events.case(id)["leaks"].is_null(), "{:#}", events.case(id));
    }
    let workers = events.named("case_finished").iter().filter_map(|case| case["worker"].as_u64()).max();
    assert_eq!(workers, Some(0), "a worker was replaced");
    Ok(())
}

#[integration_test(tags("state"))]
fn posix_timer_is_reported_and_ends_no_later_test(dir: &TempDir) -> Result<()> {
    if !std::path::Path::new("/proc/self/timers").exists() {
        skip!("this kernel does not list the timers of a process");
    }
    let tests = ["sets_a_timer_of_posix", "sleeps_400_ms"];
    let events =
        suite(dir).events(&[&tests[..], &["--include-ignored", "--jobs", "1", "--order", "declared"]].concat())?;
    let leaks = events.case("sets_a_timer_of_posix")["leaks"].to_string();
    assert!(leaks.contains("a POSIX timer"), "{leaks}");
    let later = events.case("sleeps_400_ms");
    assert_eq!(later["outcome"], "passed", "{later:#}");
    Ok(())
}

/// Each case runs once and in one process: a forked copy of a worker runs no case.
#[integration_test(tags("state"))]
fn forked_child_that_returns_from_its_test_ends_there(
    dir: &TempDir,
    #[values("declared", "reverse", "random")] order: &str,
) -> Result<()> {
    let events = suite(dir).events(&["forks::", "--jobs", "1", "--order", order])?;
    assert_eq!(events.order().len(), 13, "{:?}", events.order());
    for (test, outcome) in events.outcomes() {
        assert_eq!(outcome, "passed", "{test}: {:#}", events.case(&test));
    }
    let output = events.case("forks::child_returns")["stderr"].to_string();
    assert!(output.contains("a process that the test forked reached the end of the test"), "{output}");
    events.finished.assert_nothing_left();
    Ok(())
}

/// A signal setting that a run inherits from the process that starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inherited {
    ChildrenIgnored,
    EverythingBlocked,
    HangupIgnored,
}

#[expect(unsafe_code, reason = "only between fork and exec can a process be left with ignored and blocked signals")]
mod inherited {
    use std::ffi::{c_int, c_void};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::Inherited;

    // SAFETY: both are part of every C library, with these signatures.
    unsafe extern "C" {
        safe fn signal(signal: c_int, handler: usize) -> usize;
        unsafe fn pthread_sigmask(how: c_int, set: *const c_void, old: *mut c_void) -> c_int;
    }

    const SIG_BLOCK: c_int = 0;
    const SIG_IGN: usize = 1;
    const SIGHUP: c_int = 1;
    const SIGCHLD: c_int = 17;

    pub(super) fn set(command: &mut Command, what: Inherited) -> &mut Command {
        let act = move || {
            match what {
                Inherited::ChildrenIgnored => drop(signal(SIGCHLD, SIG_IGN)),
                Inherited::HangupIgnored => drop(signal(SIGHUP, SIG_IGN)),
                Inherited::EverythingBlocked => {
                    let all = [u64::MAX; 16];
                    // SAFETY: `all` is at least as large as a signal set, and a null pointer is allowed for the old set.
                    unsafe { pthread_sigmask(SIG_BLOCK, all.as_ptr().cast(), std::ptr::null_mut()) };
                }
            }
            Ok(())
        };
        // SAFETY: `signal` and `pthread_sigmask` are async-signal-safe, so they may be called between fork and exec.
        unsafe { command.pre_exec(act) }
    }
}

#[integration_test(tags("state"))]
#[case::ignored(Inherited::ChildrenIgnored)]
#[case::blocked(Inherited::EverythingBlocked)]
fn inherited_ignored_or_blocked_signals_do_not_break_the_run(#[case] what: Inherited, dir: &TempDir) -> Result<()> {
    let suite = suite(dir).args(&["waits_for_a_child", "sees_no_change"]);
    let mut command = suite.command()?;
    inherited::set(&mut command, what).stdout(Stdio::piped()).stderr(Stdio::piped());
    let finished = suite.wait_for(command.spawn()?)?;
    assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout(), finished.stderr());
    Ok(())
}

/// `nohup` starts programs in this way.
#[integration_test(tags("state"))]
fn inherited_ignored_sighup_does_not_end_the_run(dir: &TempDir) -> Result<()> {
    let suite = suite(dir).args(&["--exact", "sleeps_400_ms", "--format", "json"]);
    let mut command = suite.command()?;
    inherited::set(&mut command, Inherited::HangupIgnored).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn()?;
    let id = child.id();
    let hanging_up = std::thread::spawn(move || {
        for _ in 0..10 {
            std::thread::park_timeout(Duration::from_millis(30));
            signal(id, Signal::HUP);
        }
    });
    let finished = suite.wait_for(child)?;
    let _ = hanging_up.join();
    assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout(), finished.stderr());
    Ok(())
}
