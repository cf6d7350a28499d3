use itest::prelude::*;

struct Suite;

impl Suite {
    #[integration_test]
    fn a_method_is_a_test(&self) {}
}

fn main() {}
