//! Tests that leave something behind.
#![expect(unsafe_code, reason = "changing the environment is unsafe, and what some tests do")]

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use itest::prelude::*;

itest::main!();

#[integration_test]
async fn tidy_async(dir: TempDir) -> Result<()> {
    let file = std::fs::File::create(dir.join("file"))?;
    let task = tokio::spawn(async { 7 });
    assert_eq!(task.await?, 7);
    drop(file);
    Ok(())
}

#[integration_test]
fn tidy_sync() {
    let thread = std::thread::spawn(|| 7);
    assert_eq!(thread.join().expect("it does not panic"), 7);
    let status = Command::new("true").status();
    assert!(status.is_ok_and(|status| status.success()));
}

#[integration_test]
async fn tidy_in_a_moment() {
    tokio::spawn(tokio::time::sleep(Duration::from_millis(10)));
    std::thread::spawn(|| std::thread::park_timeout(Duration::from_millis(10)));
}

#[integration_test]
fn leaves_a_child() {
    let child = Command::new("sleep").arg("300").stdout(Stdio::null()).spawn();
    assert!(child.is_ok());
}

#[integration_test]
fn leaves_a_zombie_only() {
    let child = Command::new("true").spawn();
    assert!(child.is_ok());
    std::thread::park_timeout(Duration::from_millis(20));
}

#[integration_test]
fn leaves_a_daemon() {
    let script = "setsid sh -c 'exec sleep 300' </dev/null >/dev/null 2>&1 &";
    assert!(Command::new("sh").args(["-c", script]).status().is_ok_and(|status| status.success()));
}

#[integration_test]
fn leaves_a_daemon_without_environment() {
    let script = "setsid env -i sleep 300 </dev/null >/dev/null 2>&1 &";
    assert!(Command::new("sh").args(["-c", script]).status().is_ok_and(|status| status.success()));
}

#[integration_test]
fn leaves_a_thread() {
    let thread = std::thread::Builder::new().name("busybody".to_owned());
    assert!(thread.spawn(|| std::thread::park_timeout(Duration::from_mins(5))).is_ok());
}

#[integration_test]
async fn leaves_a_task() {
    tokio::spawn(std::future::pending::<()>());
}

#[integration_test]
fn leaves_an_open_file() {
    std::mem::forget(std::fs::File::open("/dev/zero"));
}

#[integration_test]
fn leaves_a_listening_port() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    std::mem::forget(listener);
}

#[integration_test]
fn leaves_a_variable() {
    // SAFETY: nobody else reads the environment meanwhile.
    unsafe { std::env::set_var("LEFT_BY_A_TEST", "1") };
}

#[integration_test]
fn leaves_the_directory() {
    std::env::set_current_dir("/").expect("it is there");
}

#[integration_test]
fn finds_everything_in_its_place(#[values(0, 1, 2)] _n: u32) {
    assert_eq!(std::env::var_os("LEFT_BY_A_TEST"), None);
    assert_ne!(std::env::current_dir().expect("it is there"), std::path::Path::new("/"));
}

#[integration_test(ignore = "fails", tags("panics"))]
fn panics_in_a_thread() {
    let thread = std::thread::spawn(|| panic!("in a thread"));
    assert!(thread.join().is_err());
}

#[integration_test(ignore = "fails", tags("panics"))]
async fn panics_in_a_task_that_nobody_awaits() {
    let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let _alive = alive;
        panic!("in a task");
    });
    assert!(dropped.await.is_err());
}

#[integration_test(tags("panics"))]
fn panics_in_a_thread_on_purpose() {
    itest::allow_background_panics("that is the point");
    let thread = std::thread::spawn(|| panic!("on purpose"));
    assert!(thread.join().is_err());
}

/// What it wrote costs its worker new pipes; that is not the next test's fault.
#[integration_test(tags("pipes"))]
fn writes_something() {
    println!("something");
}

#[integration_test(tags("pipes"))]
fn writes_something_and_leaves_a_file() {
    println!("something");
    std::mem::forget(std::fs::File::open("/dev/zero"));
}
