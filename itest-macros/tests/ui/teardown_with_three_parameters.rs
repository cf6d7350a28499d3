use itest::prelude::*;

#[teardown]
async fn empty(bucket: String, port: u16, force: bool) {
    drop((bucket, port, force));
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, ("orders".to_owned(), 80, true))?;
    Ok(())
}

fn main() {}
