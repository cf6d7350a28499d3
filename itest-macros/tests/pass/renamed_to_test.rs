//! A suite may import the attribute under the name of libtest's.

#![deny(warnings)]

use itest::integration_test as test;

#[test]
fn of_itest() {}

mod inner {
    use itest::integration_test as rstest;

    #[rstest]
    fn of_itest_too() {}
}

itest::main!();
