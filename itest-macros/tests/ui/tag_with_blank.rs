use itest::prelude::*;

#[integration_test(tags("very slow"))]
async fn it_works() {}

fn main() {}
