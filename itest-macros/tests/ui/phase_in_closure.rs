use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[act]
    let answer = 42;
    let check = || {
        #[assert]
        assert_eq!(answer, 42);
    };
    check();
}

fn main() {}
