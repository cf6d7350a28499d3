use itest::prelude::*;

#[integration_test(workflow)]
async fn it_works() {
    assert_eq!(40 + 2, 42);
}

fn main() {}
