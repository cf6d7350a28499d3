//! Pairs of tests that pass one after the other in any order, and fail at the same time.
//!
//! The application of these tests needs a few milliseconds for its work. In this window the other test can interfere. With a real
//! service the window is just as long, and the code does not show it.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;

use itest::prelude::*;
use sqlx::{ConnectOptions, Connection};

use crate::office::{Books, Office};
use crate::surroundings::{fixed_address, temporary, work_for};

fn balance() -> i64 {
    fs::read_to_string(temporary("account")).ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Loses its update when the other test overwrites it with an older value.
#[integration_test]
async fn a_deposit_is_booked() -> Result<()> {
    let before = balance();
    work_for(5).await;
    fs::write(temporary("account"), (before + 30).to_string())?;
    work_for(6).await;
    assert_eq!(balance(), before + 30);
    Ok(())
}

/// Overwrites the update of the other test, and does not notice.
#[integration_test]
async fn a_withdrawal_is_booked() -> Result<()> {
    let before = balance();
    work_for(8).await;
    fs::write(temporary("account"), (before - 30).to_string())?;
    Ok(())
}

const STOCK: &str = "SELECT quantity FROM stock WHERE article = 'atlas'";

async fn set_stock(books: &Books, quantity: i64) -> Result<u64> {
    let update = sqlx::query("UPDATE stock SET quantity = ? WHERE article = 'atlas'").bind(quantity);
    Ok(update.execute(books.pool()).await?.rows_affected())
}

/// Loses its update, because it reads and writes without a transaction, like the application.
#[integration_test]
async fn two_atlases_arrive(books: &Books) -> Result<()> {
    let before = books.number(STOCK).await?;
    work_for(5).await;
    set_stock(books, before + 2).await?;
    work_for(6).await;
    assert_eq!(books.number(STOCK).await?, before + 2);
    Ok(())
}

#[integration_test]
async fn an_atlas_is_sold(books: &Books) -> Result<()> {
    let before = books.number(STOCK).await?;
    work_for(8).await;
    assert_eq!(set_stock(books, before - 1).await?, 1);
    Ok(())
}

/// Two servers use one port: the second one fails, and at exactly the same time both may fail.
#[integration_test]
async fn the_dashboard_is_served() -> Result<()> {
    let listener = TcpListener::bind(fixed_address("pages"))?;
    work_for(9).await;
    assert_eq!(listener.local_addr()?, fixed_address("pages"));
    Ok(())
}

#[integration_test]
async fn the_map_is_served() -> Result<()> {
    let listener = TcpListener::bind(fixed_address("pages"))?;
    work_for(9).await;
    assert_eq!(listener.local_addr()?, fixed_address("pages"));
    Ok(())
}

/// Waits for the lock, and keeps it for a while.
#[integration_test]
async fn the_nightly_import_runs(office: &Office) -> Result<()> {
    let lock = office.join("import.lock");
    eventually(|| async { File::create_new(&lock).is_ok() }).equals(true).await?;
    work_for(9).await;
    fs::remove_file(&lock)?;
    Ok(())
}

/// Does not wait for the lock.
#[integration_test]
async fn a_manual_import_runs(office: &Office) -> Result<()> {
    let lock = office.join("import.lock");
    work_for(4).await;
    File::create_new(&lock)?;
    fs::remove_file(&lock)?;
    Ok(())
}

const MOVEMENTS: &str = "SELECT count(*) FROM movements";

/// Counts the rows of all tests, so both tests fail.
#[integration_test]
async fn a_delivery_is_one_movement(books: &Books) -> Result<()> {
    let before = books.number(MOVEMENTS).await?;
    work_for(4).await;
    books.execute("INSERT INTO movements (what) VALUES ('delivery')").await?;
    work_for(4).await;
    assert_eq!(books.number(MOVEMENTS).await?, before + 1);
    Ok(())
}

#[integration_test]
async fn a_return_is_one_movement(books: &Books) -> Result<()> {
    let before = books.number(MOVEMENTS).await?;
    work_for(4).await;
    books.execute("INSERT INTO movements (what) VALUES ('return')").await?;
    work_for(4).await;
    assert_eq!(books.number(MOVEMENTS).await?, before + 1);
    Ok(())
}

/// Reads back its file, whose name another test uses, too.
#[integration_test]
async fn a_summary_is_printed() -> Result<()> {
    fs::write(temporary("report"), "summary")?;
    work_for(8).await;
    assert_eq!(fs::read_to_string(temporary("report"))?, "summary");
    Ok(())
}

#[integration_test]
async fn details_are_printed() -> Result<()> {
    work_for(4).await;
    fs::write(temporary("report"), "details")?;
    Ok(())
}

/// Another test removes its file while it works.
#[integration_test]
async fn an_upload_is_kept(office: &Office) -> Result<()> {
    let picture = office.join("uploads").join("picture");
    fs::create_dir_all(office.join("uploads"))?;
    fs::write(&picture, "a lion")?;
    work_for(8).await;
    assert_eq!(fs::read_to_string(&picture)?, "a lion");
    Ok(())
}

#[integration_test]
async fn uploads_are_cleared(office: &Office) -> Result<()> {
    work_for(4).await;
    match fs::remove_dir_all(office.join("uploads")) {
        // A picture that is added during the removal stays.
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Has a slow transaction, and waits for others.
#[integration_test]
async fn a_coin_is_counted_slowly(office: &Office) -> Result<()> {
    let options = office.vault().busy_timeout(std::time::Duration::from_secs(5));
    let mut vault = options.connect().await?;
    let mut transaction = vault.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO coins VALUES (5)").execute(&mut *transaction).await?;
    work_for(9).await;
    transaction.commit().await?;
    vault.close().await?;
    Ok(())
}

/// Does not wait for others, and fails with "database is locked".
#[integration_test]
async fn a_coin_is_thrown_in(office: &Office) -> Result<()> {
    let mut vault = office.vault().connect().await?;
    work_for(4).await;
    let thrown_in = sqlx::query("INSERT INTO coins VALUES (2)").execute(&mut vault).await;
    vault.close().await?;
    assert_eq!(thrown_in?.rows_affected(), 1);
    Ok(())
}

fn ledger(office: &Office) -> Result<File> {
    let path: PathBuf = office.join("ledger");
    Ok(File::options().create(true).append(true).open(path)?)
}

/// Locks the file for a while.
#[integration_test]
async fn the_ledger_is_closed_for_the_year(office: &Office) -> Result<()> {
    let ledger = ledger(office)?;
    ledger.lock()?;
    work_for(9).await;
    ledger.unlock()?;
    Ok(())
}

/// Does not wait for the lock.
#[integration_test]
async fn the_ledger_is_audited(office: &Office) -> Result<()> {
    let ledger = ledger(office)?;
    work_for(4).await;
    match ledger.try_lock() {
        Ok(()) => Ok(ledger.unlock()?),
        Err(TryLockError::WouldBlock) => Err("another test has locked the ledger".into()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Assumes that the last row is its own.
#[integration_test]
async fn the_last_arrival_is_a_lion(books: &Books) -> Result<()> {
    books.execute("INSERT INTO arrivals (what) VALUES ('lion')").await?;
    work_for(8).await;
    let last = books.text("SELECT what FROM arrivals ORDER BY id DESC LIMIT 1").await?;
    assert_eq!(last.as_deref(), Some("lion"));
    Ok(())
}

#[integration_test]
async fn a_zebra_arrives(books: &Books) -> Result<()> {
    work_for(4).await;
    assert_eq!(books.execute("INSERT INTO arrivals (what) VALUES ('zebra')").await?, 1);
    Ok(())
}
