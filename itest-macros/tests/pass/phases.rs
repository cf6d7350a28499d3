#![forbid(unsafe_code)]
#![deny(warnings)]

use itest::prelude::*;

#[derive(Default)]
struct Counter {
    numbers: Vec<u32>,
}

impl Counter {
    async fn add(&mut self, number: u32) -> Result<u32> {
        self.numbers.push(number);
        Ok(number)
    }
}

#[integration_test]
async fn before_let() -> Result<()> {
    #[arrange]
    let mut counter = Counter::default();
    counter.add(1).await?;

    #[act("it adds", within = "10s")]
    let added = counter.add(2).await?;

    #[assert]
    assert_eq!(added, 2);
    assert_eq!(counter.numbers, [1, 2]);
    Ok(())
}

#[integration_test]
async fn before_assignments() {
    #[arrange]
    let number;
    let mut numbers = [0, 1];
    #[act]
    number = 7;
    numbers[0] = number;
    #[assert]
    assert_eq!(numbers, [7, 1]);
}

#[integration_test]
async fn before_operators() {
    let mut number = 41;
    #[act]
    number += 1;
    #[assert]
    assert!(number == 42, "it is {number}");
}

#[integration_test]
async fn before_an_await() -> Result<()> {
    let mut counter = Counter::default();
    #[act]
    counter.add(1).await?;
    #[assert]
    match counter.numbers.as_slice() {
        [1] => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

#[integration_test]
fn before_control_flow() {
    #[arrange]
    let mut sum = 0;
    #[act]
    for number in 0..4 {
        sum += number;
    }
    #[assert]
    if sum != 6 {
        panic!("it is {sum}");
    }
}

#[integration_test]
fn before_loops() {
    #[arrange]
    let mut left = 3;
    #[act]
    while left > 1 {
        left -= 1;
    }
    #[assert]
    'outer: loop {
        assert_eq!(left, 1);
        break 'outer;
    }
}

#[integration_test]
fn before_blocks() {
    #[act]
    {
        let numbers = vec![7];
        drop(numbers);
    }
    #[assert]
    {}
}

#[integration_test]
fn before_tail_expressions() -> Result<()> {
    #[act]
    let number = 7;
    #[assert]
    if number == 7 { Ok(()) } else { Err("no".into()) }
}

#[integration_test]
fn before_a_return() -> Result<()> {
    #[act]
    let _number = 7;
    #[assert]
    return Ok(());
}

#[integration_test]
fn before_let_else() {
    #[act]
    let Some(number) = [7].first().copied() else { panic!("no number") };
    #[assert]
    assert_eq!(number, 7);
}

#[integration_test]
fn before_closures_and_calls() {
    #[arrange]
    let double = |number: u32| number * 2;
    #[act]
    (double)(1);
    #[assert]
    std::hint::black_box(&double);
}

#[integration_test]
fn below_items() {
    use std::collections::BTreeMap;

    const ANSWER: u32 = 42;

    fn answer() -> BTreeMap<u32, u32> {
        BTreeMap::from([(1, ANSWER)])
    }

    #[act]
    let found = answer();
    #[assert]
    assert_eq!(found[&1], ANSWER);
}

#[integration_test]
async fn other_attributes_stay() {
    #[arrange]
    #[allow(unused_variables)]
    let number = 7;
    #[expect(unused_variables)]
    #[act]
    let answer = 42;
    #[assert]
    #[allow(clippy::assertions_on_constants)]
    {
        assert!(true);
    }
}

#[integration_test(workflow)]
async fn workflow() {
    #[arrange]
    let mut number = 0;

    #[act("one step")]
    number += 1;
    #[assert("it went one step")]
    assert_eq!(number, 1);

    #[act("two steps", within = "1s")]
    number += 2;
    #[assert]
    assert_eq!(number, 3);
}

itest::main!();
