use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act]
    let _answer = 42;
    #[assert]
}

fn main() {}
