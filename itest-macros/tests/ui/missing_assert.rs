use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[arrange]
    let number = 41;

    #[act]
    let _answer = number + 1;
}

fn main() {}
