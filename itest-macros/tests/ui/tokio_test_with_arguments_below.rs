use itest::prelude::*;

#[integration_test]
#[tokio::test(flavor = "multi_thread")]
async fn it_works() {}

fn main() {}
