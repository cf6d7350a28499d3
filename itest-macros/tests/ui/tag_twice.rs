use itest::prelude::*;

#[integration_test(tags("slow", "payments", "slow"))]
async fn it_works() {}

fn main() {}
