use itest::prelude::*;

#[integration_test(tags("slow" "payments"))]
async fn it_works() {}

fn main() {}
