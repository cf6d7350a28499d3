use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act]
    let answer = 42;
    #[assert]
    assert!(answer > 0);
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
