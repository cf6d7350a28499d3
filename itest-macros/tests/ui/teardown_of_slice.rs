use itest::prelude::*;

#[teardown]
async fn empty(buckets: &[String]) {
    drop(buckets.to_vec());
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, vec!["orders".to_owned()])?;
    Ok(())
}

fn main() {}
