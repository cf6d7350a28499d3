use itest::prelude::*;

#[fixture]
fn port() -> u16 {
    8080
}

fn main() {}
