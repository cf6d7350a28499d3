#![forbid(unsafe_code)]
#![deny(warnings)]

mod orders {
    use itest::prelude::*;

    struct Order {
        number: u32,
    }

    #[fixture]
    fn order() -> Order {
        Order { number: 7 }
    }

    #[integration_test]
    fn a_private_type_is_a_fixture(order: &Order) {
        assert_eq!(order.number, 7);
    }

    mod payments {
        use super::Order;
        use itest::{fixture, integration_test};

        #[derive(Clone, Copy)]
        enum Card {
            Visa,
        }

        struct Payment(u32);

        #[fixture]
        async fn payment(order: Order) -> itest::Result<Payment> {
            Ok(Payment(order.number))
        }

        #[integration_test]
        #[case(Card::Visa)]
        async fn a_private_type_is_a_value(#[case] card: Card, payment: &Payment, order: &super::Order) {
            let Card::Visa = card;
            assert_eq!(payment.0, order.number);
        }
    }
}

/// What the expansion calls `::core` and `::itest` stays theirs.
mod core {
    pub(crate) mod itest {
        #[::itest::integration_test]
        fn names_of_modules_are_free() {}
    }
}

macro_rules! suite {
    ($name:ident, $fixture:ty, $value:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            #[itest::integration_test(timeout = "10s", tags("generated"))]
            fn works(fixture: &$fixture, #[values($value)] number: u32) {
                #[act]
                let sum = fixture.0 + number;
                #[assert]
                assert!(sum > $value);
            }
        }
    };
}

struct One(u32);

#[itest::fixture]
fn one() -> One {
    One(1)
}

suite!(generated, One, 2 + 3);

const _: () = {
    #[itest::integration_test]
    fn in_a_block() {}
};

fn outer() -> u32 {
    #[itest::integration_test]
    fn in_a_function() {}

    7
}

#[itest::integration_test]
fn at_the_root() {
    assert_eq!(outer(), 7);
}

itest::main!();
