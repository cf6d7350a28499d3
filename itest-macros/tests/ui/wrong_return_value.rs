use itest::prelude::*;

#[integration_test]
async fn it_ends_with_a_value() {
    7
}

fn main() {}
