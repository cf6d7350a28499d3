use itest::prelude::*;

#[integration_test]
async fn it_works() {
    let answer = ;
    assert_eq!(answer, 42);
}

fn main() {}
