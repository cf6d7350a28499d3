#![forbid(unsafe_code)]
#![deny(warnings)]

use itest::prelude::*;

struct Shop;

#[fixture]
fn shop() -> Shop {
    Shop
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Card {
    Visa,
    Master,
}

#[integration_test]
#[case(1, 1)]
#[case::two(2, 4)]
#[case::three(3, { 3 * 3 })]
fn rows(#[case] number: u32, #[case] square: u32) {
    assert_eq!(number * number, square);
}

#[integration_test]
#[case::short("a", 1)]
#[case::long("a long one", 10)]
async fn rows_by_values(
    info: &TestInfo,
    #[case] text: &str,
    #[values(Card::Visa, Card::Master)] card: Card,
    _shop: Shop,
    #[case] length: usize,
    #[values(-1, 1)] sign: i64,
) {
    assert_eq!(text.len(), length);
    let row = if length == 1 { "short" } else { "long" };
    let sign = if sign < 0 { "minus_1" } else { "1" };
    assert_eq!(info.id().as_str(), format!("rows_by_values::{row}::card_{card:?}::sign_{sign}"));
}

#[integration_test]
#[case::only(&[1, 2, 3])]
#[case::other(&[])]
fn coerced(#[case] numbers: &[u32], #[values(Box::new(|n| n + 1), Box::new(|n| n + 2))] add: Box<dyn Fn(u32) -> u32>) {
    assert!(numbers.iter().all(|number| add(*number) > *number));
}

#[integration_test]
#[case((1, "one"))]
#[case((2, "two"))]
fn taken_apart(#[case] (number, name): (u32, &str), #[values(String::new(), "x".to_owned())] mut text: String) {
    text.push_str(name);
    assert!(text.len() >= 3 && number > 0);
}

#[integration_test]
#[case(vec![1], "a, b")]
fn of_macros(#[case] numbers: Vec<u32>, #[case] list: &'static str) {
    assert_eq!(numbers.len() + 1, list.split(", ").count());
}

#[integration_test]
fn equal_values(#[values(7, 7)] left: u8, #[values(7, 7)] right: u8) {
    assert_eq!(left, right);
}

#[integration_test]
#[case::asynchronous(1)]
async fn with_phases(#[case] step: u32, #[values(41)] number: u32) {
    #[act]
    let answer = number + step;
    #[assert]
    assert_eq!(answer, 42);
}

itest::main!();
