use itest::prelude::*;

#[teardown]
extern "C" fn empty(bucket: String) {
    drop(bucket);
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
