use itest::prelude::*;

#[integration_test(timout = "10s")]
async fn it_works() {}

#[integration_test]
async fn it_works_again() {
    it_works().await;
}

fn main() {}
