use itest::prelude::*;

trait Suite {
    #[integration_test]
    fn it_works() {}
}

fn main() {}
