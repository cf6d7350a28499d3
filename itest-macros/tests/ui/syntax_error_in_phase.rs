use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act]
    let answer = ;
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
