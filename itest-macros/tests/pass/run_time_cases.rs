//! Cases that are found when the suite starts.

#![deny(warnings)]
#![warn(clippy::pedantic)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use itest::CaseFile;
use itest::prelude::*;

#[integration_test]
fn path_of_a_file(#[files("orders/*.json", "more/**/*.json")] path: PathBuf) {
    assert!(path.is_absolute());
}

#[integration_test]
async fn file_with_a_fixture_and_values(
    dir: TempDir,
    #[files("orders/*.json")] file: CaseFile,
    #[values(true, false)] strict: bool,
) -> Result {
    assert!(dir.path().exists() || strict);
    file.text()?;
    Ok(())
}

fn numbers() -> [(&'static str, u32); 2] {
    [("one", 1), ("two", 2)]
}

mod tables {
    use super::*;

    pub(super) struct Row {
        pub(super) price: u32,
    }

    pub(super) fn rows() -> Result<BTreeMap<String, Row>> {
        Ok(BTreeMap::from([("book".to_owned(), Row { price: 3 })]))
    }
}

#[integration_test]
fn row_of_a_function(#[cases(numbers)] number: u32) {
    assert!(number > 0);
}

#[integration_test]
async fn row_of_a_function_elsewhere(#[cases(tables::rows)] row: tables::Row) {
    assert!(row.price > 0);
}

fn main() {}
