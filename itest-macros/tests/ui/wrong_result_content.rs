use itest::prelude::*;

#[integration_test]
async fn it_counts() -> Result<usize> {
    Ok(7)
}

fn main() {}
