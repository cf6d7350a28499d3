use itest::prelude::*;

#[integration_test(tag("slow"))]
async fn it_works() {}

fn main() {}
