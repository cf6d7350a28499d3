//! What one at a time may use: an exclusively borrowed session fixture, and `serial`.

use std::fs::{self, File};

use itest::prelude::*;

use crate::office::{Office, Till};
use crate::surroundings::work_for;

/// A lost update, were it not for the `&mut`.
#[integration_test]
async fn the_till_is_filled(till: &mut Till, #[values(1, 2, 5, 10, 20, 50)] coin: u32) -> Result<()> {
    let before = till.sum()?;
    work_for(2).await;
    till.put(before + coin)?;
    work_for(2).await;
    assert_eq!(till.sum()?, before + coin);
    Ok(())
}

#[integration_test]
fn the_till_is_counted_twice(till: &Till, #[values(0, 1, 2, 3, 4, 5)] _n: u32) -> Result<()> {
    let (first, second) = (till.sum()?, till.sum()?);
    assert_eq!(first, second, "somebody filled it meanwhile");
    assert!(first >= 100);
    Ok(())
}

/// A file with a name that all of these know. They are never beside each other.
#[integration_test(serial = "printer")]
async fn the_printer_prints_one_at_a_time(
    office: &Office,
    #[values("one", "two", "six", "ten")] page: &str,
) -> Result<()> {
    fs::write(office.join("printer"), page)?;
    work_for(3).await;
    assert_eq!(fs::read_to_string(office.join("printer"))?, page);
    fs::remove_file(office.join("printer"))?;
    Ok(())
}

/// The same printer, first switched on: there is nothing in it before, and nothing afterwards.
#[integration_test(serial = "printer")]
fn the_printer_is_empty(office: &Office, #[values(0, 1, 2, 3)] _n: u32) {
    assert!(!office.join("printer").exists());
}

/// A lock file as the imports have it, and everybody waits.
#[integration_test]
async fn a_lock_is_waited_for(office: &Office, #[values(0, 1, 2, 3, 4)] _n: u32) -> Result<()> {
    let lock = office.join("patient.lock");
    eventually(|| async { File::create_new(&lock).is_ok() }).equals(true).await?;
    work_for(2).await;
    fs::remove_file(&lock)?;
    Ok(())
}

/// A locked file as the ledger is, and everybody waits.
#[integration_test]
async fn a_locked_file_is_waited_for(office: &Office, #[values(0, 1, 2, 3, 4)] _n: u32) -> Result<()> {
    let file = File::options().create(true).append(true).open(office.join("patient"))?;
    eventually(|| async { file.try_lock().is_ok() }).equals(true).await?;
    work_for(2).await;
    file.unlock()?;
    Ok(())
}
