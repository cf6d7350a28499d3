use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[assert]
    assert_eq!(40 + 2, 42);
}

fn main() {}
