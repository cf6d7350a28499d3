//! Tests whose cases are found when the suite starts: files, and the rows that a function returns.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use itest::CaseFile;
use itest::prelude::*;

itest::main!();

#[integration_test]
fn order_is_read(#[files("suites/orders/**/*.txt")] path: PathBuf) -> Result {
    let text = fs::read_to_string(path)?;
    assert!(text.starts_with("order "), "no order: {text}");
    Ok(())
}

#[integration_test]
async fn file_has_its_name(
    #[files("suites/orders/*.txt", "suites/orders/large/*.txt")] file: CaseFile,
    dir: TempDir,
    #[values(1, 2)] copies: usize,
) -> Result {
    let copy = dir.join("copy");
    fs::write(&copy, file.bytes()?.repeat(copies))?;
    assert_eq!(fs::read_to_string(copy)?, file.text()?.repeat(copies));
    assert!(file.path().ends_with(file.name()));
    Ok(())
}

/// The rows of the file that `ROWS` names: a name and a number in each line.
fn rows() -> Result<Vec<(String, u32)>> {
    let rows = fs::read_to_string(std::env::var("ROWS")?)?;
    assert!(!rows.contains('!'), "a row has a `!`");
    let row = |line: &str| {
        let (name, number) = line.split_once(' ').ok_or_else(|| format!("no number in `{line}`"))?;
        Ok((name.to_owned(), number.parse()?))
    };
    rows.lines().map(row).collect()
}

#[integration_test]
fn number_is_even(#[cases(rows)] number: u32, info: &TestInfo) -> Result {
    if info.case() == "flaky" && info.attempt() == 1 {
        return Err("fails at first".into());
    }
    // Later processes of the run find another row.
    if info.case() == "writer" {
        let mut file = OpenOptions::new().append(true).open(std::env::var("ROWS")?)?;
        writeln!(file, "late 3")?;
    }
    assert_eq!(number % 2, 0);
    Ok(())
}
