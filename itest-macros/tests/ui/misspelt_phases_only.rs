use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[akt]
    let answer = 41 + 1;
    #[asert]
    assert_eq!(answer, 42);
}

fn main() {}
