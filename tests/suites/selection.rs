//! Tests for filters and tags.

use itest::prelude::*;

itest::main!();

mod orders {
    use itest::prelude::*;

    #[integration_test(tags("fast", "payments"))]
    fn pay() {}

    #[integration_test(tags("slow", "payments"))]
    fn refund() {}

    #[integration_test]
    #[case::visa("4242")]
    #[case::master("5555")]
    #[case("0000")]
    fn cards(#[case] number: &str) {
        assert_eq!(number.len(), 4);
    }
}

#[integration_test]
fn matrix(#[values(1, 2)] size: u32, #[values("a", "b")] name: &str) {
    assert!(size > 0 && !name.is_empty());
}

#[integration_test(ignore = "needs a moon")]
fn moon() {}

#[integration_test(ignore = "needs a sun")]
fn sun() {}
