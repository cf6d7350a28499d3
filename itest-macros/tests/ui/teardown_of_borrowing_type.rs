use itest::prelude::*;

use std::borrow::Cow;

#[teardown]
async fn empty<'a>(bucket: Cow<'a, str>) {
    drop(bucket);
}

#[integration_test]
async fn a_bucket_is_filled(teardown: &Teardown) -> Result<()> {
    teardown.durable(empty, "orders".to_owned())?;
    Ok(())
}

fn main() {}
