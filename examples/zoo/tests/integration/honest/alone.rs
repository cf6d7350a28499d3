//! Exclusive resources: an exclusively borrowed session fixture, and `serial`.

use std::fs::{self, File};

use itest::prelude::*;

use crate::office::{Office, Till};
use crate::surroundings::work_for;

/// Without `&mut`, this test would lose updates.
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
    assert_eq!(first, second, "another test filled it meanwhile");
    assert!(first >= 100);
    Ok(())
}

/// All cases use a file with the same name, but never run at the same time.
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

/// The file of the printer tests does not exist before or after them.
#[integration_test(serial = "printer")]
fn the_printer_is_empty(office: &Office, #[values(0, 1, 2, 3)] _n: u32) {
    assert!(!office.join("printer").exists());
}

/// Uses a lock file like the imports, but every test waits for it.
#[integration_test]
async fn a_lock_is_waited_for(office: &Office, #[values(0, 1, 2, 3, 4)] _n: u32) -> Result<()> {
    let lock = office.join("patient.lock");
    eventually(|| async { File::create_new(&lock).is_ok() }).equals(true).await?;
    work_for(2).await;
    fs::remove_file(&lock)?;
    Ok(())
}

/// Locks a file like the ledger, but every test waits for it.
#[integration_test]
async fn a_locked_file_is_waited_for(office: &Office, #[values(0, 1, 2, 3, 4)] _n: u32) -> Result<()> {
    let file = File::options().create(true).append(true).open(office.join("patient"))?;
    eventually(|| async { file.try_lock().is_ok() }).equals(true).await?;
    work_for(2).await;
    file.unlock()?;
    Ok(())
}
