//! Tests that must pass, whatever happens to other tests, workers and runs.

pub(crate) mod services;

use std::fs;
use std::time::Duration;

use itest::prelude::*;

use crate::resources::{Database, Harbour, Listening, Outside, Ship, Tree, Workshop};
use crate::surroundings::note;

/// Waits a moment, so that signals can arrive while the test has its resources.
async fn wait_a_moment() {
    tokio::time::sleep(Duration::from_millis(2)).await;
}

#[integration_test]
async fn has_nothing(#[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32, #[values(0, 1, 2, 3, 4)] _m: u32) {
    note("nothing");
}

#[integration_test]
async fn has_a_directory(
    dir: TempDir,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] n: u32,
    #[values(0, 1, 2, 3)] _m: u32,
) -> Result<()> {
    note("temp_dir");
    fs::write(dir.join("file"), n.to_string())?;
    wait_a_moment().await;
    assert_eq!(fs::read_to_string(dir.join("file"))?, n.to_string());
    Ok(())
}

#[integration_test]
async fn has_a_read_only_tree(tree: Tree, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32) {
    wait_a_moment().await;
    assert!(tree.is_there());
}

#[integration_test]
async fn has_something_outside(
    outside: Outside,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32,
    #[values(0, 1, 2)] _m: u32,
) {
    wait_a_moment().await;
    assert!(outside.is_there());
}

#[integration_test]
async fn has_a_program(
    dir: &TempDir,
    teardown: &Teardown,
    #[values("alone", "parent", "forebear")] kind: &str,
    #[values(0, 1, 2, 3, 4, 5, 6, 7)] _n: u32,
) -> Result<()> {
    let listening = Listening::start(kind, dir, teardown).await?;
    wait_a_moment().await;
    assert!(listening.is_there());
    Ok(())
}

#[integration_test]
async fn has_a_database(database: Database, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32) -> Result<()> {
    note("database");
    sqlx::query("INSERT INTO things VALUES ('thing')").execute(&database.pool()).await?;
    wait_a_moment().await;
    let (things,): (i64,) = sqlx::query_as("SELECT count(*) FROM things").fetch_one(&database.pool()).await?;
    assert_eq!(things, 1);
    Ok(())
}

#[integration_test]
async fn has_a_workshop(workshop: &Workshop, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32) {
    wait_a_moment().await;
    assert!(workshop.is_there());
}

#[integration_test]
async fn is_in_the_harbour(
    harbour: &Harbour,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32,
    #[values(0, 1)] _m: u32,
) {
    wait_a_moment().await;
    assert!(harbour.is_there());
}

#[integration_test]
async fn is_on_the_ship(ship: &Ship, harbour: &Harbour, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32) {
    wait_a_moment().await;
    assert!(ship.is_there() && harbour.is_there());
}

#[integration_test]
async fn renames_the_ship(ship: &mut Ship, #[values(0, 1, 2, 3)] _n: u32) {
    wait_a_moment().await;
    assert!(ship.is_there());
}

#[integration_test]
#[expect(clippy::too_many_arguments, reason = "one of each kind")]
async fn has_everything(
    dir: &TempDir,
    ship: &Ship,
    workshop: &Workshop,
    outside: Outside,
    tree: Tree,
    database: Database,
    teardown: &Teardown,
    #[values(0, 1, 2, 3, 4, 5)] _n: u32,
) -> Result<()> {
    let listening = Listening::start("forebear", dir, teardown).await?;
    wait_a_moment().await;
    assert!(ship.is_there() && workshop.is_there() && outside.is_there() && tree.is_there() && listening.is_there());
    sqlx::query("INSERT INTO things VALUES ('thing')").execute(&database.pool()).await?;
    Ok(())
}
