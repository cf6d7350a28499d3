use itest::prelude::*;

struct Suite;

#[integration_test]
impl Suite {
    fn it_works() {}
}

fn main() {}
