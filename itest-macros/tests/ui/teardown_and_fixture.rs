use itest::prelude::*;

#[teardown]
#[fixture]
async fn empty(bucket: String) -> Result<()> {
    drop(bucket);
    Ok(())
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
