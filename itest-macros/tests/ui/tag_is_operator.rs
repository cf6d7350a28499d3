use itest::prelude::*;

#[integration_test(tags("slow", "not"))]
async fn it_works() {}

fn main() {}
