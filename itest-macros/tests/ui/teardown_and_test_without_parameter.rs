use itest::prelude::*;

#[teardown]
#[integration_test]
async fn empty() {}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, ())?;
    Ok(())
}

fn main() {}
