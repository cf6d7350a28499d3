use itest::prelude::*;

#[integration_test]
async fn it_counts() -> usize {
    7
}

fn main() {}
