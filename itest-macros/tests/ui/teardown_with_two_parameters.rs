use itest::prelude::*;

#[teardown]
async fn empty(bucket: String, port: u16) {
    drop((bucket, port));
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, ("orders".to_owned(), 80))?;
    Ok(())
}

fn main() {}
