use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[arrange]
    let left = 40;
    #[arrange]
    let right = 2;
    #[act]
    let answer = left + right;
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
