//! Tests that damage themselves and the harness. They note events in the file that `JOURNAL` names.
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
    // SAFETY: this is unsound on purpose: the suite tests what happens if a test closes descriptors of the harness.
    drop(unsafe { OwnedFd::from_raw_fd(descriptor) });
}

#[integration_test]
fn unaffected(#[values(0, 1, 2, 3, 4, 5)] _number: u32) {
    println!("good");
}

#[integration_test]
fn closes_its_stderr() {
    println!("before");
    close(2);
}

#[integration_test]
fn closes_descriptors_of_the_harness() {
    println!("before");
    for descriptor in 3..40 {
        // The standard library aborts when it closes a descriptor that is closed already.
        // SAFETY: the descriptor is only checked and not kept.
        let borrowed = ManuallyDrop::new(unsafe { BorrowedFd::borrow_raw(descriptor) });
        if rustix::io::fcntl_getfd(*borrowed).is_ok() {
            close(descriptor);
        }
    }
}

#[integration_test(timeout = "300ms")]
fn writes_to_descriptors_of_the_harness() {
    for descriptor in 3..20 {
        // SAFETY: the descriptor is written to and not kept; if it is closed, the write fails.
        let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
        let _ = rustix::io::write(borrowed, b"{}\n\0\0\0\0garbage\n");
    }
}

#[integration_test]
fn registers_teardown_forever(teardown: &Teardown) {
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

#[integration_test(ignore = "fails on purpose", tags("red"))]
fn fails_when_it_is_run() {
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

/// The forked copy has all descriptors of the worker open, also the connection to the supervisor.
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

/// Prints characters that XML must not contain, the end of a CDATA section, and percent signs and line ends for other formats.
#[integration_test(ignore = "for reports", tags("reports"), retries = 1)]
fn prints_what_reports_must_escape() {
    let text = "]]> <!-- & \u{1b}[31m \u{0} \u{b} \u{fffe} \u{10ffff} 100%\r\n::error::no";
    println!("{text}");
    std::io::stdout().write_all(b"\xff\xfe\xc3(").ok();
    std::io::stderr().write_all(b"\x00]]>\xff").ok();
    panic!("{text}");
}
