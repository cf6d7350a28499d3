//! Tests that write output: from Rust, from C, from children, megabytes, and bytes that are no UTF-8. Most fail, so that the output is shown.

use std::io::Write;
use std::process::Command;

use itest::prelude::*;

itest::main!();

/// Fails, so that the output is reported.
fn end() -> ! {
    panic!("shown")
}

#[integration_test]
fn writes_from_rust() {
    print!("out without newline");
    eprintln!("err");
    end();
}

#[integration_test]
#[expect(unsafe_code, reason = "a C library's own buffer is the point")]
fn writes_from_c() {
    // SAFETY: `puts` is part of every C library, with this signature, and the text ends in a zero byte.
    unsafe extern "C" {
        fn puts(text: *const std::ffi::c_char) -> std::ffi::c_int;
    }
    // SAFETY: see above.
    unsafe { puts(c"hello from C".as_ptr()) };
    end();
}

#[integration_test]
fn writes_from_a_child() {
    let script = "echo child out; echo child err >&2; echo reopened >/dev/stderr; echo more";
    Command::new("sh").args(["-c", script]).status().ok();
    end();
}

#[integration_test]
fn writes_bytes() {
    std::io::stdout().write_all(b"\xff\x00\xfe").ok();
    end();
}

#[integration_test]
fn writes_megabytes() {
    let line = "x".repeat(999);
    for _ in 0..5_000 {
        println!("{line}");
    }
    end();
}

/// Sleeps long enough that the supervisor reads the output before the test ends.
#[integration_test]
fn writes_early_and_ends_late() {
    println!("early");
    std::thread::park_timeout(std::time::Duration::from_millis(60));
    end();
}

#[integration_test]
fn writes_then_crashes() {
    println!("last words");
    eprint!("and no newline");
    std::process::abort();
}

#[integration_test]
fn leaves_a_writer_behind() {
    // The process still writes after the test, while other tests run. This output must not be attributed to them.
    let script = "for i in 1 2 3 4 5 6 7 8 9; do echo late; sleep 0.02; done";
    Command::new("sh").args(["-c", script]).spawn().ok();
    println!("before");
    end();
}

#[integration_test]
fn closes_its_stdout() {
    rustix::stdio::dup2_stdout(std::fs::File::open("/dev/null").expect("every system has it")).ok();
    println!("lost");
}

/// Sixty tests, each of which writes only its own number.
#[integration_test]
fn writes_its_number(#[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u32, #[values(0, 1, 2, 3, 4, 5)] ones: u32) {
    println!("number {tens}{ones}");
    assert!(ones.is_multiple_of(2), "shown");
}

/// Tests without output run between the others.
#[integration_test]
fn is_silent(#[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _number: u32) {}

#[integration_test(tags("trace"))]
async fn traces() {
    tracing::info!(pages = 3, "the book was opened");
    tracing::debug!("a page was turned");
    let task = tokio::spawn(async { tracing::warn!("a page is missing") });
    assert!(task.await.is_ok());
}

/// Fails with secrets of several forms in everything that itest reports, and prints a secret itself.
#[integration_test(ignore = "its password=hunter2 is no reason", tags("secrets"))]
fn fails_with_secrets(teardown: &Teardown) {
    teardown.defer("close postgres://ann:hunter2@db/shop", async {
        Err::<(), String>("the session token=hunter2 is gone".to_owned())
    });
    println!("printed password=hunter2");
    let sent = r#"{"user": "ann", "apiKey": "hunter2"}"#;
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r";
    panic!("refused {sent} with {token}:\nAuthorization: Bearer hunter2\n-----BEGIN PRIVATE KEY-----hunter2");
}
