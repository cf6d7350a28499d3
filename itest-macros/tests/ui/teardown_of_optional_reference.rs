use itest::prelude::*;

#[teardown]
async fn empty(bucket: Option<&str>) {
    drop(bucket.map(str::to_owned));
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
