use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[arange]
    let number = 41;
    #[act]
    let answer = number + 1;
    #[asert]
    assert_eq!(answer, 42);
}

fn main() {}
