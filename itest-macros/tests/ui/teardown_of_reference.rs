use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Bucket;

#[teardown]
async fn empty(_bucket: &mut Bucket) {}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, Bucket)?;
    Ok(())
}

fn main() {}
