use itest::prelude::*;

#[integration_test(worker_threads = 4)]
async fn it_works() {}

fn main() {}
