//! Tests, fixtures and teardown functions that `macro_rules!` writes: what it hands on counts as if it were written there.

#![deny(warnings)]

use itest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub struct Shop;

#[derive(Debug)]
pub struct Cart(pub u32);

#[derive(Debug, Serialize, Deserialize)]
struct Cluster(u32);

macro_rules! with_literals {
    ($name:ident, $timeout:literal, $tag:literal, $retries:literal, $act:literal, $threads:literal, $flavor:literal, $paused:literal, $point:literal) => {
        #[integration_test(
            timeout = $timeout, tags($tag, "generated"), covers($point), serial = $tag, retries = $retries, ignore = $tag,
            threads = $threads, flavor = $flavor, start_paused = $paused
        )]
        async fn $name() {
            #[act($act, within = $timeout)]
            let number = 1;
            #[assert]
            assert_eq!(number, 1);
        }
    };
}
with_literals!(literals, "3s", "shop", 2, "counts", 2, "multi_thread", false, "POST /orders");

macro_rules! with_expressions {
    ($name:ident, $timeout:expr, $tag:expr, $retries:expr, $act:expr, $point:expr) => {
        #[integration_test(timeout = $timeout, tags($tag), covers($point), serial = $tag, retries = $retries)]
        fn $name() {
            #[act($act, within = $timeout)]
            let number = 1;
            #[assert]
            assert_eq!(number, 1);
        }
    };
}
with_expressions!(literals_as_expressions, "3s", "shop", 2, "counts", "POST /orders");

macro_rules! handed_on_twice {
    ($name:ident, $($literal:literal),*) => { with_expressions!($name, $($literal),*); };
}
handed_on_twice!(literals_handed_on_twice, "3s", "shop", 2, "counts", "POST /orders");

macro_rules! fixtures {
    ($($visibility:vis fn $name:ident() -> $made:ty, $scope:literal $body:block)*) => {
        $(#[fixture(scope = $scope)] $visibility fn $name() -> $made $body)*
    };
}
fixtures! {
    fn shop() -> Shop, "test" { Shop }
    pub fn cart() -> Cart, "worker" { Cart(1) }
    fn cluster() -> Result<Cluster>, "session" { Ok(Cluster(1)) }
}

macro_rules! teardown_function {
    ($name:ident, $argument:ty, $returned:ty, $body:block) => {
        #[teardown]
        async fn $name(_: $argument) -> $returned $body
    };
}
teardown_function!(remove, String, Result<()>, { Ok(()) });

macro_rules! with_rows {
    ($name:ident, $row:ident, $sum:expr, $seven:literal, $negative:literal, $number:ty, $path:path) => {
        #[integration_test]
        #[case::$row($sum * 2, 2 * $sum, $seven)]
        #[case($seven, $negative + 8, -$negative + 6)]
        fn $name(
            info: &TestInfo,
            #[case] left: $number,
            #[case] right: $path,
            #[case] seven: i32,
            #[values($sum * 3, 3 * $sum)] product: i32,
            #[values($negative)] negative: i32,
        ) {
            assert!(left == right || left == seven);
            assert_eq!(seven, 7);
            assert_eq!(product, $sum * 3);
            assert_eq!(negative.abs(), 1);
            let name = concat!("::", stringify!($row), "::");
            assert!(info.id().as_str().contains(name) || info.id().as_str().contains("::case_2::"));
        }
    };
}
with_rows!(rows, sums, 1 + 1, 7, -1, i32, i32);

macro_rules! with_types {
    ($name:ident, $shop:ty, $cart:ty, $path:path, $lifetime:lifetime, $returned:ty) => {
        #[integration_test]
        async fn $name<$lifetime>(_shop: &$lifetime $shop, cart: $cart, _other: $path, _info: &$lifetime TestInfo) -> $returned {
            assert_eq!(cart.0, 1);
            let _object: &$shop = &Shop;
            Ok(())
        }
    };
}
with_types!(types, Shop, &Cart, Shop, 'test, Result<()>);

macro_rules! with_bounds {
    ($bounds:ty) => {
        #[integration_test]
        fn bounds() {
            let _object: &$bounds = &1;
        }
    };
}
with_bounds!(dyn Send + Sync);

macro_rules! with_statements {
    ($name:ident, $arrange:stmt, $act:stmt, $assert:stmt, $expression:expr) => {
        #[integration_test(workflow)]
        fn $name() {
            #[arrange]
            $arrange;
            #[act]
            $act;
            #[assert]
            $assert;
            #[act]
            $expression;
            #[assert]
            $expression
        }
    };
}
with_statements!(statements, let left = 1, let right = left + 1, assert_eq!(right, 2), {});

macro_rules! item {
    ($item:item) => {
        #[integration_test]
        $item
    };
}
item!(fn plain_item() {});
item!(
    #[case(1)]
    #[case(2)]
    async fn item_with_rows(_shop: &Shop, #[case] number: u8) {
        #[act]
        let next = number + 1;
        #[assert]
        assert!(next > 1);
    }
);

macro_rules! with_attributes {
    ($test:meta, $row:meta, $case:meta, $values:meta, $act:meta, $within:meta, $timeout:meta, $assert:meta) => {
        #[$test]
        #[$row]
        fn attributes(#[$case] number: u8, #[$values] other: u8) {
            #[$act]
            let sum = number + other;
            #[$assert]
            assert_eq!(sum, number + other);
        }

        #[integration_test($timeout, retries = 1)]
        fn arguments() {
            #[act($within)]
            let sum = 1 + 1;
            #[$assert]
            assert_eq!(sum, 2);
        }
    };
}
with_attributes!(integration_test(timeout = "3s"), case(1), case, values(1, 2), act("adds", within = "3s"), within = "3s", timeout = "3s", assert);

macro_rules! over_types {
    ($parameter:ident, $first:ty, $name:ident, $second:ty, $bound:path) => {
        #[integration_test]
        #[over($parameter = [$first, $name: $second])]
        fn over<$parameter: $bound>(value: &$parameter) {
            let _ = format!("{value:?}");
        }
    };
}
over_types!(Value, Shop, basket, Cart, std::fmt::Debug);

macro_rules! precedence {
    ($sum:expr, $cast:expr, $closure:expr, $range:expr, $point:expr) => {
        #[integration_test]
        fn operands_stay_together() {
            assert_eq!($sum * 2, 4);
            let doubled = $sum * 2;
            assert_eq!(doubled, 4);
            assert_eq!($cast.pow(2), 4);
            assert_eq!($closure(2), 3);
            assert_eq!($range.len(), 3);
            if $point == (Point { x: 1 }) {
                assert_eq!(-$sum, -2);
            }
        }
    };
}
#[derive(PartialEq)]
struct Point {
    x: u8,
}
precedence!(1 + 1, 2 as i32, |n: i32| n + 1, 0..3, Point { x: 1 });

#[integration_test]
fn asks_for_all(teardown: &Teardown, cluster: &Cluster) -> Result {
    assert_eq!(cluster.0, 1);
    teardown.durable(remove, String::new())?;
    Ok(())
}

itest::main!();
