use itest::prelude::*;

#[integration_test]
extern "C" fn it_is_called_from_c() {}

fn main() {}
