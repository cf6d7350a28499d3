use itest::prelude::*;

struct Store<T>(T);

#[integration_test]
async fn it_works(_store: &Store<u32>) {}

fn main() {}
