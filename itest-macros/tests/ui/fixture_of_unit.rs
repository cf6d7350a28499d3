use itest::prelude::*;

#[fixture]
async fn migrations() -> () {}

fn main() {}
