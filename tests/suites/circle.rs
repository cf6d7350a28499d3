//! Fixtures that depend on each other in a circle.

use itest::prelude::*;

itest::main!();

struct Hen;
struct Egg;

#[fixture]
fn hen(_egg: &Egg) -> Hen {
    Hen
}

#[fixture]
fn egg(_hen: &Hen) -> Egg {
    Egg
}

#[integration_test]
fn breakfast(_egg: &Egg) {}
