use itest::prelude::*;

#[integration_test]
#[tokio::test]
async fn it_works() {}

fn main() {}
