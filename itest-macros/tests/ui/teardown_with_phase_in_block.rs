use itest::prelude::*;

#[teardown]
async fn empty(bucket: String) {
    if !bucket.is_empty() {
        #[assert]
        assert_eq!(bucket, "orders");
    }
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
