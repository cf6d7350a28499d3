//! Tests that fail or crash while they have resources.

mod services;

use std::time::Duration;

use itest::prelude::*;

use crate::resources::{Harbour, Listening, Outside, Ship, Tree};

#[integration_test(tags("red"))]
async fn fails(outside: Outside, tree: Tree, #[values(0, 1, 2, 3, 4, 5)] _n: u32) -> Result<()> {
    assert!(outside.is_there() && tree.is_there());
    Err("on purpose".into())
}

#[integration_test(tags("red"))]
async fn panics(outside: Outside, dir: &TempDir, teardown: &Teardown, #[values(0, 1, 2, 3)] _n: u32) {
    let listening = Listening::start("parent", dir, teardown).await;
    assert!(outside.is_there() && listening.is_ok());
    panic!("on purpose");
}

#[integration_test(tags("red"), timeout = "20ms")]
async fn takes_too_long(outside: Outside, _dir: TempDir, #[values(0, 1, 2, 3)] _n: u32) {
    assert!(outside.is_there());
    std::future::pending::<()>().await;
}

#[integration_test(tags("red"), timeout = "20ms")]
fn blocks(outside: Outside, tree: Tree, #[values(0, 1)] _n: u32) {
    assert!(outside.is_there() && tree.is_there());
    std::thread::sleep(Duration::from_mins(1));
}

#[integration_test(tags("red"))]
async fn aborts(
    outside: Outside,
    tree: Tree,
    dir: &TempDir,
    harbour: &Harbour,
    teardown: &Teardown,
    #[values(0, 1, 2)] _n: u32,
) {
    let listening = Listening::start("forebear", dir, teardown).await;
    assert!(outside.is_there() && tree.is_there() && harbour.is_there() && listening.is_ok());
    std::process::abort();
}

#[integration_test(tags("red"))]
fn exits(outside: Outside, harbour: &Harbour, #[values(0, 1)] _n: u32) {
    assert!(outside.is_there() && harbour.is_there());
    std::process::exit(0);
}

#[integration_test(tags("red"))]
#[expect(unsafe_code, reason = "the test crashes its process")]
async fn writes_to_nowhere(outside: Outside, dir: &TempDir, teardown: &Teardown, #[values(0, 1)] _n: u32) {
    let listening = Listening::start("parent", dir, teardown).await;
    assert!(outside.is_there() && listening.is_ok());
    // SAFETY: this is unsound on purpose: the invalid write ends the process.
    unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
}

#[integration_test(tags("red"))]
fn overflows_its_stack(outside: Outside, tree: Tree, #[values(0, 1)] _n: u32) {
    #[expect(unconditional_recursion, reason = "the stack is to overflow")]
    fn deeper(taken: &[u8; 1024]) -> u8 {
        let more = std::hint::black_box([taken[0]; 1024]);
        deeper(&more) + more[1023]
    }
    assert!(outside.is_there() && tree.is_there());
    assert_eq!(deeper(&[0; 1024]), 0);
}

/// Crashes while it has a lock that other tests wait for.
#[integration_test(tags("red"))]
fn aborts_alone_on_the_ship(outside: Outside, ship: &mut Ship, #[values(0, 1)] _n: u32) {
    assert!(outside.is_there() && ship.is_there());
    std::process::abort();
}
