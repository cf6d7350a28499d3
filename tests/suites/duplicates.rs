//! Two tests of one name.

use itest::prelude::*;

itest::main!();

const _: () = {
    #[integration_test]
    fn twin() {}
};

const _: () = {
    #[integration_test]
    fn twin() {}
};
