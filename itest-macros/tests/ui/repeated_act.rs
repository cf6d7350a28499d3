use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act]
    let left = 40;
    #[act]
    let right = 2;
    #[assert]
    assert_eq!(left + right, 42);
}

fn main() {}
