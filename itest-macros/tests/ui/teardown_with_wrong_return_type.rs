use itest::prelude::*;

#[teardown]
fn empty(bucket: String) -> usize {
    bucket.len()
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
