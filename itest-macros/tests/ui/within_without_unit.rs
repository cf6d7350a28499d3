use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act(within = "200")]
    let answer = 42;
    #[assert]
    assert_eq!(answer, 42);
}

fn main() {}
