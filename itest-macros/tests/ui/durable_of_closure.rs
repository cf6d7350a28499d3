use itest::prelude::*;

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(|bucket: String| async move { drop(bucket) }, "orders".to_owned())?;
    Ok(())
}

fn main() {}
