use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[arrange]
    let answer = 42;
    #[act]
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
