//! Tests that do what no test should, to themselves and to the harness. What happens is written to the file that `JOURNAL`
//! names.
#![expect(unsafe_code, reason = "raw file descriptors are the point")]

use std::fs::OpenOptions;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::time::Duration;

use itest::prelude::*;

itest::main!();

fn note(words: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{words}\n").as_bytes())).expect("the journal can be written");
}

fn close(descriptor: i32) {
    // SAFETY: there is none; a test that closes what is not its own is what this suite is for.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}

#[integration_test]
fn a_good_neighbour(#[values(0, 1, 2, 3, 4, 5)] _number: u32) {
    println!("good");
}

#[integration_test]
fn closes_its_stderr() {
    println!("before");
    close(2);
}

#[integration_test]
fn closes_what_is_not_its_own() {
    println!("before");
    for descriptor in 3..40 {
        // The standard library aborts on closing what is closed already.
        // SAFETY: the descriptor is only asked about, not kept.
        let borrowed = ManuallyDrop::new(unsafe { BorrowedFd::borrow_raw(descriptor) });
        if rustix::io::fcntl_getfd(*borrowed).is_ok() {
            close(descriptor);
        }
    }
}

#[integration_test(timeout = "300ms")]
fn writes_to_what_is_not_its_own() {
    for descriptor in 3..20 {
        // SAFETY: the descriptor is written to and not kept; if it is closed, the write fails.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let _ = rustix::io::write(borrowed, b"{}\n\0\0\0\0garbage\n");
    }
}

#[integration_test]
fn registers_teardown_for_ever(teardown: &Teardown) {
    fn again(teardown: &Teardown) {
        let inner = teardown.clone();
        teardown.defer("again", async move { again(&inner) });
    }
    again(teardown);
}

#[integration_test(ignore = "for the death of the supervisor", tags("orphan"))]
fn leaves_a_child_and_blocks() {
    let started = Command::new("sh").args(["-c", "sleep 300 & echo"]).status();
    note(if started.is_ok() { "waiting" } else { "no shell" });
    std::thread::park_timeout(Duration::from_mins(5));
}

#[integration_test(ignore = "red on purpose", tags("red"))]
fn is_red_when_it_is_run() {
    panic!("red");
}

mod c {
    use std::ffi::c_int;

    // SAFETY: both are part of every C library, with these signatures.
    unsafe extern "C" {
        pub(super) safe fn fork() -> c_int;
        pub(super) safe fn pause() -> c_int;
    }
}

/// The copy holds everything that the worker has open, also what the supervisor hears it by.
#[integration_test(ignore = "for the death of a forked worker", tags("fork"))]
fn forks_and_is_killed() {
    if c::fork() == 0 {
        let _ = rustix::process::setsid();
        loop {
            c::pause();
        }
    }
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
}

/// Everything that no XML may contain, and what would end a section of one; percent signs and line ends for others.
#[integration_test(ignore = "for reports", tags("reports"), retries = 1)]
fn says_what_a_report_cannot() {
    let text = "]]> <!-- & \u{1b}[31m \u{0} \u{b} \u{fffe} \u{10ffff} 100%\r\n::error::no";
    println!("{text}");
    std::io::stdout().write_all(b"\xff\xfe\xc3(").ok();
    std::io::stderr().write_all(b"\x00]]>\xff").ok();
    panic!("{text}");
}
