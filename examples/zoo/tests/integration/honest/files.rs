//! Files in a folder of the test's own, or in the shared folder under a unique name.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use itest::prelude::*;

use crate::office::Office;
use crate::surroundings::work_for;

/// A unique path in the shared folder.
fn unique(office: &Office, stem: &str) -> PathBuf {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    office.join(format!("{stem}-{}-{}", process::id(), NUMBERS.fetch_add(1, Ordering::Relaxed)))
}

/// The same file name every time, but each time in another folder.
#[integration_test]
#[case::empty("")]
#[case::short("dark")]
#[case::long("a theme of many colours, one for each day of the year")]
#[case::lines("dark\nlight\n")]
#[case::unicode("größer")]
fn settings_come_back(
    #[case] text: &str,
    #[values("settings", "inbox", "draft", "queue")] name: &str,
    dir: TempDir,
) -> Result<()> {
    File::create_new(dir.join(name))?;
    fs::write(dir.join(name), text)?;
    assert_eq!(fs::read_to_string(dir.join(name))?, text);
    Ok(())
}

/// Writes to the shared folder, and removes its file.
#[integration_test]
fn a_shared_folder_bears_many(office: &Office, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] n: u32) -> Result<()> {
    let path = unique(office, "honest");
    fs::write(&path, n.to_string())?;
    assert_eq!(fs::read_to_string(&path)?, n.to_string());
    fs::remove_file(&path)?;
    Ok(())
}

/// Waits between writing and reading a file that no other test can reach.
#[integration_test]
async fn a_slow_report_is_read_back(dir: TempDir, #[values(2, 3, 4, 5)] milliseconds: u64) -> Result<()> {
    fs::write(dir.join("report"), "summary")?;
    work_for(milliseconds).await;
    assert_eq!(fs::read_to_string(dir.join("report"))?, "summary");
    Ok(())
}

/// Leaves its file behind, which affects no other test.
#[integration_test]
fn a_forgotten_file_affects_no_other_test(office: &Office, #[values(0, 1, 2, 3, 4)] _n: u32) -> Result<()> {
    File::create_new(unique(office, "forgotten"))?;
    Ok(())
}
