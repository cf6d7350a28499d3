use itest::prelude::*;

#[teardown]
async fn empty<const LENGTH: usize>(buckets: [u8; LENGTH]) {
    drop(buckets);
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, [1, 2])?;
    Ok(())
}

fn main() {}
