//! Locks that end with their owner.

use std::fs::{self, File};
use std::path::PathBuf;

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::Client;
use serde_json::{Value, json};
use sqlx::{Error, PgPool};

use crate::fixtures::clients::{bounded_client, within};
use crate::fixtures::database::{ProxiedPool, SecondPool};
use crate::fixtures::orders::DeployLock;
use crate::fixtures::third_parties::Deploys;

/// Migrates the database under a lock of the session, which is released in any case. If that fails, the session is closed.
async fn migrate(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let migrated = within(async {
        sqlx::query("SELECT pg_advisory_lock(7)").execute(&mut *connection).await?;
        sqlx::query("INSERT INTO applied_migration (version) VALUES (1)").execute(&mut *connection).await
    });
    let migrated = migrated.await;
    let unlock = sqlx::query("SELECT pg_advisory_unlock(7)");
    if within(unlock.execute(&mut *connection)).await.is_err() {
        drop(connection.detach());
    }
    migrated.map(drop)
}

/// Migrates the database in a transaction, which holds the lock until it ends.
async fn migrate_in_a_transaction(pool: &PgPool) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock(7)").execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO applied_migration (version) VALUES (1)").execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Waits until no migration is running, but not for ever.
async fn wait_for_migrations(pool: &PgPool) -> Result<()> {
    within(sqlx::query("SELECT pg_advisory_xact_lock(7)").execute(pool)).await?;
    Ok(())
}

#[integration_test]
async fn lock_of_a_session_is_released(leader: &ProxiedPool, replica: &SecondPool) -> Result<()> {
    #[act]
    let migrated = migrate(&leader.0).await;
    let waited = wait_for_migrations(&replica.0).await;

    #[assert]
    assert!(migrated.is_ok() && waited.is_ok());
    Ok(())
}

#[integration_test]
async fn lock_of_a_transaction_ends_with_it(leader: &ProxiedPool, replica: &SecondPool) -> Result<()> {
    #[act]
    let migrated = within(migrate_in_a_transaction(&leader.0)).await;
    let waited = wait_for_migrations(&replica.0).await;

    #[assert]
    assert!(migrated.is_ok() && waited.is_ok());
    Ok(())
}

/// Tries to get the lock, and does not wait for it.
#[integration_test]
async fn lock_is_tried_without_waiting(leader: &ProxiedPool) -> Result<()> {
    #[act]
    let is_locked = within(async {
        let mut transaction = leader.0.begin().await?;
        let lock = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock(7)");
        let is_locked: bool = lock.fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok::<_, Error>(is_locked)
    });
    let is_locked = is_locked.await?;

    #[assert]
    assert!(is_locked);
    Ok(())
}

/// Removes a lock file when it is dropped.
struct LockFile(PathBuf);

impl LockFile {
    fn create(path: PathBuf) -> std::io::Result<Self> {
        File::create_new(&path)?;
        Ok(Self(path))
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // The file may have been removed by hand, which is no problem.
        let _ = fs::remove_file(&self.0);
    }
}

async fn deploy(client: &Client, url: &str) -> Result<Value> {
    Ok(client.post(format!("{url}/deploys")).send().await?.error_for_status()?.json().await?)
}

#[integration_test]
async fn lock_file_is_removed_by_its_owner(deploys: &StandIn<Deploys>, lock: &DeployLock) -> Result<()> {
    #[arrange]
    deploys.when(request::post("/deploys")).essential().reply(Reply::json(200, json!({"release": 7})));
    let client = bounded_client()?;

    #[act]
    let held = LockFile::create(lock.path())?;
    let deployed = deploy(&client, &deploys.url()).await?;
    drop(held);

    #[assert]
    assert_eq!(deployed["release"], 7);
    Ok(())
}

/// The error of the deploy is kept until the lock file is removed.
#[integration_test]
async fn lock_file_is_removed_before_the_error_is_returned(
    deploys: &StandIn<Deploys>,
    lock: &DeployLock,
) -> Result<()> {
    #[arrange]
    deploys.when(request::post("/deploys")).essential().reply(Reply::json(200, json!({"release": 7})));
    let client = bounded_client()?;

    #[act]
    File::create_new(lock.path())?;
    let deployed = deploy(&client, &deploys.url()).await;
    fs::remove_file(lock.path())?;
    let deployed = deployed?;

    #[assert]
    assert_eq!(deployed["release"], 7);
    Ok(())
}
