use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act(within = "1s", within = "2s")]
    let answer = 42;
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
