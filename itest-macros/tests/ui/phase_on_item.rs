use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[arrange]
    const ANSWER: u32 = 42;
    #[act]
    let answer = ANSWER;
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
