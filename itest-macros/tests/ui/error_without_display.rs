use itest::prelude::*;

struct Failure;

#[integration_test]
async fn it_fails() -> Result<(), Failure> {
    Err(Failure)
}

fn main() {}
