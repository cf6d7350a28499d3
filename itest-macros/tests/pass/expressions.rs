//! Every expression that Rust allows as an argument of a call is a value of a row or of `#[values]`.

#![deny(warnings)]

use std::ops::{Range, RangeFrom, RangeTo};

use itest::prelude::*;

const FAST: bool = true;

#[derive(Clone, Copy)]
struct Point {
    x: i32,
}

fn same<T>(value: T) -> T {
    value
}

macro_rules! five {
    () => {
        2 + 3
    };
}

#[integration_test]
#[case::if_with_operator(if FAST { 1 } else { 10 } * 5, 5)]
#[case::if_let_chain(if let Some(n) = Some(2) && n > 1 { n } else { 0 } + 1, 3)]
#[case::if_with_field(if FAST { Point { x: 3 } } else { Point { x: 4 } }.x, 3)]
#[case::match_with_operator(match 2 { 2 => 3, _ => 4 } + 1, 4)]
#[case::match_alone(match 2 { n => n }, 2)]
#[case::unsafe_with_operator(unsafe { Some(1).unwrap_unchecked() } + 1, 2)]
#[case::unsafe_with_method(unsafe { Some(5).unwrap_unchecked() }.min(9), 5)]
#[case::block_with_operator({ 1 } + 2, 3)]
#[case::block_with_method({ Point { x: 3 } }.x, 3)]
#[case::block_with_cast({ 3_u8 } as i32, 3)]
#[case::block_with_statements({ let n = 3; n }, 3)]
#[case::loop_with_operator(loop { break 1 } + 2, 3)]
#[case::labeled_block('a: { if FAST { break 'a 1 } 2 } + 2, 3)]
#[case::labeled_loop('a: loop { break 'a 1 } + 2, 3)]
#[case::const_block(const { 1 } + 2, 3)]
#[case::async_block(async { 4 }.await, 4)]
#[case::closure((|n| n + 1)(2), 3)]
#[case::struct_literal(Point { x: 1 }.x + 2, 3)]
#[case::macro_with_operator(five!() * 2, 10)]
#[case::macro_in_braces(five! {} + 1, 6)]
#[case::negative_literal(-1, -1)]
#[case::casts(-1 as i8 as u8 as i32, 255)]
#[case::generic_call(same::<i32>(3) << 1, 6)]
#[case::reference(&3 + 1, 4)]
#[case::trailing_comma(3, 3,)]
fn numbers(#[case] number: i32, #[case] expected: i32) {
    assert_eq!(number, expected);
}

#[integration_test]
#[case({ true } && true)]
#[case({ false } || true)]
#[case({ 1 } < 2)]
#[case(if FAST { 1 } else { 2 } == 1)]
#[case(matches! { 1, 1 } && true)]
#[case(!false)]
fn conditions(#[case] condition: bool) {
    assert!(condition);
}

#[integration_test]
#[case(1..3, 1.., ..3)]
#[case({ 1 }..3, { 1 }.., ..{ 3 })]
#[case(if FAST { 1 } else { 2 }..3, match 1 { n => n }.., ..const { 3 })]
fn ranges(#[case] both: Range<i32>, #[case] from: RangeFrom<i32>, #[case] to: RangeTo<i32>) {
    assert_eq!(both, from.start..to.end);
}

#[integration_test]
#[case(|n| n + 1)]
#[case(|n| { n } + 1)]
#[case({ |n| n + 1 } as fn(i32) -> i32)]
fn functions(#[case] next: fn(i32) -> i32) {
    assert_eq!(next(1), 2);
}

#[integration_test]
#[case(&{ "book" }[1..])]
#[case({ "book" }[1..].trim())]
#[case(&String::from("ook"))]
#[case({ &String::from("ook") })]
#[case(if FAST { &String::from("ook") } else { "" })]
fn texts(#[case] text: &str) {
    assert_eq!(text, "ook");
}

#[integration_test]
#[case((1, 2))]
#[case(({ 1 } + 0, 2))]
#[case({ (1, 2) })]
fn pairs(#[case] pair: (u8, u8)) {
    assert_eq!(pair, (1, 2));
}

#[integration_test]
fn values(
    #[values({ 1 } + 2, if FAST { 1 } else { 2 } + 2, match 1 { _ => 2 } + 1,)] three: u32,
    #[values({ 2 } * 3)] six: u32,
) {
    assert_eq!((three, six), (3, 6));
}

itest::main!();
