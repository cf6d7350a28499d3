use itest::prelude::*;

#[teardown]
async fn empty() {}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, ())?;
    Ok(())
}

fn main() {}
