use itest::prelude::*;

struct Refusal;

#[teardown]
async fn empty(bucket: String) -> Result<(), Refusal> {
    if bucket.is_empty() { Err(Refusal) } else { Ok(()) }
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
