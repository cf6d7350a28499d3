use itest::prelude::*;

#[fixture]
#[teardown]
async fn empty(bucket: String) -> Result<()> {
    drop(bucket);
    Ok(())
}

fn main() {}
