//! Tests that change the state of their process: signals, limits, alarms, the umask. The next test must not see the change.
#![expect(unsafe_code, reason = "only C changes signals and alarms")]

use std::fs::File;
use std::io::Read;
use std::process::Command;

use itest::prelude::*;
use rustix::process::{
    Resource, Rlimit, getppid, getpriority_process, getrlimit, setpriority_process, setrlimit, umask,
};

itest::main!();

mod c {
    use std::ffi::{c_int, c_uint, c_void};

    pub(super) const SIG_DFL: usize = 0;
    pub(super) const SIG_IGN: usize = 1;
    pub(super) const SIG_BLOCK: c_int = 0;

    // SAFETY: these are part of every C library, with these signatures. A signal set has 1,024 bits.
    unsafe extern "C" {
        pub(super) safe fn signal(signal: c_int, handler: usize) -> usize;
        pub(super) safe fn alarm(seconds: c_uint) -> c_uint;
        pub(super) safe fn atexit(function: extern "C" fn()) -> c_int;
        pub(super) safe fn raise(signal: c_int) -> c_int;
        pub(super) safe fn fork() -> c_int;
        pub(super) unsafe fn setitimer(which: c_int, new: *const [i64; 4], old: *mut [i64; 4]) -> c_int;
        unsafe fn timer_create(clock: c_int, event: *mut c_void, timer: *mut *mut c_void) -> c_int;
        unsafe fn timer_settime(timer: *mut c_void, flags: c_int, new: *const [i64; 4], old: *mut [i64; 4]) -> c_int;
        pub(super) unsafe fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
        pub(super) unsafe fn pthread_sigmask(how: c_int, set: *const c_void, old: *mut c_void) -> c_int;
    }

    /// A signal ends this process when it has computed for this long.
    pub(super) fn end_after_processor_time(microseconds: i64) {
        const ITIMER_PROF: c_int = 2;
        // SAFETY: the timer has an interval and a first time, of seconds and microseconds each; a null pointer is allowed for the old value.
        unsafe { setitimer(ITIMER_PROF, &[0, 0, 0, microseconds], std::ptr::null_mut()) };
    }

    /// A signal ends this process after so long, by a timer of POSIX.
    pub(super) fn end_after(nanoseconds: i64) {
        const CLOCK_MONOTONIC: c_int = 1;
        let mut timer = std::ptr::null_mut();
        // SAFETY: `timer` is writable; a null event means that the timer sends `SIGALRM`.
        assert_eq!(unsafe { timer_create(CLOCK_MONOTONIC, std::ptr::null_mut(), &raw mut timer) }, 0);
        // SAFETY: the timer exists, and the value has an interval and a first time, of seconds and nanoseconds each.
        assert_eq!(unsafe { timer_settime(timer, 0, &[0, 0, 0, nanoseconds], std::ptr::null_mut()) }, 0);
    }

    /// Blocks these signals and returns all signals that this thread blocks.
    pub(super) fn blocked_after_adding(signals: u64) -> u64 {
        let (mut set, mut old) = ([0_u64; 16], [0_u64; 16]);
        set[0] = signals;
        // SAFETY: both have the size of a signal set.
        unsafe { pthread_sigmask(SIG_BLOCK, set.as_ptr().cast(), old.as_mut_ptr().cast()) };
        old[0] | signals
    }
}

const SIGHUP: i32 = 1;
const SIGUSR1: i32 = 10;
const SIGPIPE: i32 = 13;
const SIGTERM: i32 = 15;
const SIGCHLD: i32 = 17;

#[integration_test]
fn changes_the_umask() {
    umask(rustix::fs::Mode::from_raw_mode(0o077));
}

#[integration_test]
fn sets_an_alarm() {
    c::alarm(1);
}

#[integration_test]
fn sets_a_timer_of_processor_time() {
    c::end_after_processor_time(30_000);
}

#[integration_test]
fn computes_for_a_moment() {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_millis(60) {
        std::hint::spin_loop();
    }
}

#[integration_test]
fn blocks_signals() {
    assert_ne!(c::blocked_after_adding(1 << (SIGUSR1 - 1)), 0);
}

#[integration_test]
fn ignores_the_end_of_children() {
    c::signal(SIGCHLD, c::SIG_IGN);
}

#[integration_test]
fn resets_sigpipe_to_default() {
    c::signal(SIGPIPE, c::SIG_DFL);
}

#[integration_test]
fn ignores_requests_to_end() {
    c::signal(SIGTERM, c::SIG_IGN);
    c::signal(SIGHUP, c::SIG_IGN);
}

#[integration_test]
fn lowers_the_soft_limit_of_open_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit })?;
    Ok(())
}

/// Only a privileged process gets a hard limit back.
#[integration_test]
fn lowers_the_hard_limit_of_open_files() -> Result<()> {
    setrlimit(Resource::Nofile, Rlimit { current: Some(200), maximum: Some(200) })?;
    Ok(())
}

#[integration_test]
fn lowers_its_priority() -> Result<()> {
    setpriority_process(None, 7)?;
    Ok(())
}

#[integration_test]
fn replaces_the_standard_input() -> Result<()> {
    rustix::stdio::dup2_stdin(File::open("/dev/zero")?)?;
    Ok(())
}

extern "C" fn print_at_exit() {
    println!("a function that a test registered for the end of its process");
}

#[integration_test]
fn registers_a_function_for_the_end() {
    assert_eq!(c::atexit(print_at_exit), 0);
}

extern "C" fn handle(_signal: i32) {}

/// Handlers stay, because libraries install theirs once in a process.
#[integration_test]
fn handles_a_signal() {
    c::signal(SIGUSR1, (handle as extern "C" fn(i32)).addr_of());
    assert_eq!(c::raise(SIGUSR1), 0);
}

trait Address {
    fn addr_of(self) -> usize;
}

impl Address for extern "C" fn(i32) {
    fn addr_of(self) -> usize {
        self as usize
    }
}

/// Uses tokio's handler of `SIGCHLD`, which it installs once in a process.
#[integration_test]
async fn waits_for_a_child(#[values(0, 1, 2, 3)] _turn: u8) -> Result<()> {
    let status = tokio::process::Command::new("true").status().await?;
    assert!(status.success());
    Ok(())
}

#[integration_test]
fn sees_no_change_of_other_tests(#[values(0, 1, 2, 3)] _turn: u8) -> Result<()> {
    let mask = umask(rustix::fs::Mode::from_raw_mode(0o022));
    umask(mask);
    assert_eq!(format!("{:04o}", mask.as_raw_mode()), umask_of_supervisor()?, "the umask");
    assert_eq!(c::alarm(0), 0, "an alarm");
    assert_eq!(c::blocked_after_adding(0), 0, "blocked signals");
    assert!(Command::new("true").status()?.success(), "a child that can be waited for");
    let (reader, writer) = rustix::pipe::pipe()?;
    drop(reader);
    assert_eq!(
        rustix::io::write(&writer, b"x"),
        Err(rustix::io::Errno::PIPE),
        "writing to a pipe without a reader is an error"
    );
    for signal in [SIGTERM, SIGHUP] {
        assert_eq!(c::signal(signal, c::SIG_DFL), c::SIG_DFL, "signal {signal}");
    }
    assert!(getrlimit(Resource::Nofile).current.is_none_or(|limit| limit > 200), "open files");
    assert_eq!(getpriority_process(None)?, getpriority_process(getppid())?, "the priority");
    assert_eq!(std::io::stdin().read(&mut [0; 1])?, 0, "the standard input is empty");
    Ok(())
}

/// The umask of the process that has started this worker.
fn umask_of_supervisor() -> Result<String> {
    let parent = getppid().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", parent.as_raw_nonzero()))?;
    let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    Ok(umask.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?.trim().to_owned())
}

#[integration_test(ignore = "not all kernels list it, so that it could end a later test")]
fn sets_a_timer_of_posix() {
    c::end_after(100_000_000);
}

#[integration_test]
fn sleeps_400_ms() {
    std::thread::sleep(std::time::Duration::from_millis(400));
}

mod forks {
    use super::{TempDir, c, fixture, integration_test};

    fn wait_for(child: i32) -> i32 {
        let mut status = 0;
        // SAFETY: `status` is writable.
        assert_eq!(unsafe { c::waitpid(child, &raw mut status, 0) }, child);
        status >> 8
    }

    /// The child goes on as the test, and returns before its parent does.
    #[integration_test]
    async fn child_returns(dir: TempDir) {
        let child = c::fork();
        if child == 0 {
            return;
        }
        assert_eq!(wait_for(child), 0, "the exit code of a child in which the test passed");
        assert!(dir.path().is_dir(), "teardown is the parent's");
    }

    #[integration_test]
    fn child_skips(dir: TempDir) {
        let child = c::fork();
        if child == 0 {
            itest::skip!("the child has nothing to do");
        }
        assert_eq!(wait_for(child), 0, "the exit code of a child in which the test was skipped");
        assert!(dir.path().is_dir(), "teardown is the parent's");
    }

    #[integration_test]
    fn child_panics(dir: TempDir) {
        let child = c::fork();
        assert_ne!(child, 0, "the child panics");
        assert_eq!(wait_for(child), 101, "the exit code of a child in which the test failed");
        assert!(dir.path().is_dir(), "teardown is the parent's");
    }

    /// The child is still running when the test ends.
    #[integration_test]
    fn child_returns_later() {
        if c::fork() == 0 {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    struct Forking;

    #[fixture]
    fn forking() -> Forking {
        let child = c::fork();
        if child != 0 {
            assert_eq!(wait_for(child), 0, "the exit code of a child in which the fixture was made");
        }
        Forking
    }

    #[integration_test]
    fn child_returns_from_a_fixture(_forking: Forking) {}

    #[integration_test]
    fn runs_once(#[values(0, 1, 2, 3, 4, 5, 6, 7)] _turn: u8) {
        println!("ran in process {}", std::process::id());
    }
}
