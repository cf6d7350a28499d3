//! Tests of the built-in fixtures with real databases, files and servers.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use itest::prelude::*;
use itest::sqlite::{Schema, Sqlite, Storage};
use itest::{Client, Server, TempDir};
use serde_json::{Value, json};
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

itest::main!();

static MIGRATIONS: Migrator = sqlx::migrate!("suites/migrations");

struct InMemory;

impl Schema for InMemory {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &SqlitePool) -> Result<()> {
        sqlx::query("INSERT INTO books (title) VALUES ('seeded')").execute(pool).await?;
        Ok(())
    }
}

struct OnDisk;

impl Schema for OnDisk {
    const STORAGE: Storage = Storage::File;

    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }
}

async fn titles(pool: &SqlitePool) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar("SELECT title FROM books ORDER BY id").fetch_all(pool).await?)
}

async fn add(pool: &SqlitePool, title: &str) -> Result<()> {
    sqlx::query("INSERT INTO books (title) VALUES (?)").bind(title).execute(pool).await?;
    Ok(())
}

/// Each case would see the rows of the others if they shared a database.
#[integration_test(tags("sqlite"))]
async fn database_in_memory_is_private_migrated_and_seeded(
    db: &Sqlite<InMemory>,
    #[values(0, 1, 2, 3, 4, 5)] number: u32,
) -> Result<()> {
    #[arrange]
    let pool = db.pool();
    assert_eq!(titles(&pool).await?, ["seeded"]);
    #[act]
    add(&pool, &format!("book {number}")).await?;
    #[assert]
    assert_eq!(titles(&pool).await?.len(), 2);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn database_on_disk_is_private_and_migrated(
    db: &Sqlite<OnDisk>,
    #[values(0, 1, 2, 3)] number: u32,
) -> Result<()> {
    #[act]
    add(&db.pool(), &format!("book {number}")).await?;
    #[assert]
    assert_eq!(titles(&db.pool()).await?, [format!("book {number}")]);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn two_owned_databases_are_separate(first: Sqlite<InMemory>, second: Sqlite<InMemory>) -> Result<()> {
    #[act]
    add(&first.pool(), "only here").await?;
    #[assert]
    assert_eq!(titles(&second.pool()).await?, ["seeded"]);
    Ok(())
}

/// The connections of a pool see each other's commits.
#[integration_test(tags("sqlite"))]
async fn connections_of_a_pool_share_the_database(db: &Sqlite<InMemory>) -> Result<()> {
    #[arrange]
    let (mut one, mut two) = (db.pool().acquire().await?, db.pool().acquire().await?);
    #[act]
    sqlx::query("INSERT INTO books (title) VALUES ('committed')").execute(&mut *one).await?;
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM books").fetch_one(&mut *two).await?;
    #[assert]
    assert_eq!(seen, 2);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn rolled_back_transaction_leaves_no_row(db: &Sqlite<InMemory>) -> Result<()> {
    #[arrange]
    let pool = db.pool();
    let mut transaction = pool.begin().await?;
    sqlx::query("INSERT INTO books (title) VALUES ('unwanted')").execute(&mut *transaction).await?;
    #[act]
    transaction.rollback().await?;
    #[assert]
    assert_eq!(titles(&pool).await?, ["seeded"]);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn code_that_connects_by_url_sees_the_same_database(db: &Sqlite<OnDisk>) -> Result<()> {
    #[arrange]
    add(&db.pool(), "visible").await?;
    #[act]
    let own = SqlitePool::connect(db.url()).await?;
    #[assert]
    assert_eq!(titles(&own).await?, ["visible"]);
    own.close().await;
    Ok(())
}

#[integration_test(tags("files"))]
fn temp_dir_exists_and_is_empty(dir: &TempDir) -> Result<()> {
    assert_eq!(std::fs::read_dir(dir)?.count(), 0);
    std::fs::write(dir.join("file"), "x")?;
    std::fs::create_dir_all(dir.join("deep/er"))?;
    Ok(())
}

#[integration_test(tags("files"))]
fn temp_dir_without_permissions_is_removed(dir: TempDir) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(dir.join("locked"))?;
    std::fs::write(dir.join("locked/file"), "x")?;
    std::fs::set_permissions(dir.join("locked"), std::fs::Permissions::from_mode(0o000))?;
    Ok(())
}

#[integration_test(tags("files"), ignore = "replaces its temp dir")]
fn replaces_its_temp_dir(
    dir: TempDir,
    #[values("file", "link", "pipe", "read_only", "workers_link", "workers_read_only", "nothing", "workers_nothing")]
    by: &str,
) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let precious = std::env::var("PRECIOUS")?;
    let of_worker = dir.path().parent().ok_or("the temp dir is in the folder of the worker")?;
    let place = if by.starts_with("workers_") { of_worker } else { dir.path() };
    std::fs::remove_dir_all(place)?;
    match by.trim_start_matches("workers_") {
        "file" => std::fs::write(place, "in its place")?,
        "link" => symlink(precious, place)?,
        "pipe" => assert!(std::process::Command::new("mkfifo").arg(place).status()?.success()),
        "read_only" => {
            std::fs::create_dir(place)?;
            std::fs::write(place.join("file"), "sealed")?;
            std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o500))?;
        }
        _ => {}
    }
    Ok(())
}

/// A small service.
struct Library {
    server: Server,
    client: Client,
}

#[fixture]
async fn library(teardown: &Teardown) -> Result<Library> {
    let book = |Path(id): Path<u32>| async move { Json(json!({"id": id, "title": "Emma"})) };
    let app = Router::new().route("/books/{id}", get(book)).route("/slow", get(slow));
    let server = Server::start(app, teardown).await?;
    Ok(Library { client: server.client(), server })
}

async fn slow() -> &'static str {
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    "done"
}

#[integration_test(tags("http"))]
async fn service_answers_a_request(library: &Library) -> Result<()> {
    #[act]
    let response = library.client.get("/books/7").await?;
    #[assert]
    response.assert_status(200).assert_header("content-type", "application/json").assert_json("/id", 7);
    assert_eq!(response.json::<Value>()?, json!({"id": 7, "title": "Emma"}));
    Ok(())
}

#[integration_test(tags("http"))]
async fn running_request_is_finished_before_the_server_stops(library: &Library, teardown: &Teardown) -> Result<()> {
    let client = library.server.client();
    let running = tokio::spawn(async move { client.get("/slow").await });
    // Steps run last in, first out, so this step runs before the server stops.
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    drop(sender);
    teardown.defer("nothing", async move { drop(receiver.await) });
    assert_eq!(running.await??.text(), "done");
    Ok(())
}

#[integration_test(tags("wrong"))]
async fn unexpected_status_fails(library: &Library) -> Result<()> {
    library.client.with_bearer("s3cret").get("/books/none").await?.assert_status(200);
    Ok(())
}

#[integration_test(tags("wrong"))]
async fn unreachable_service_fails() -> Result<()> {
    Client::new("http://127.0.0.1:9").get("/").await?;
    Ok(())
}

#[integration_test(tags("blocking"))]
fn sync_test_may_block_on_the_runtime(library: &Library) -> Result<()> {
    let response = tokio::runtime::Handle::current().block_on(library.client.get("/books/1").send())?;
    assert_eq!(response.status(), 200);
    Ok(())
}
