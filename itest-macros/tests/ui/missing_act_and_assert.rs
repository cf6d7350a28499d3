use itest::prelude::*;

#[integration_test]
async fn it_works() {
    #[arrange]
    let _number = 41;
}

fn main() {}
