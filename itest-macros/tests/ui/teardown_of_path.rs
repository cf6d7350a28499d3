use itest::prelude::*;

use std::path::Path;

#[teardown]
fn empty(folder: &Path) -> std::io::Result<()> {
    std::fs::remove_dir_all(folder)
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, std::path::PathBuf::from("orders"))?;
    Ok(())
}

fn main() {}
