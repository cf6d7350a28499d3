use itest::prelude::*;

struct User;

#[fixture]
fn admin() -> User {
    User
}

#[fixture]
fn guest() -> User {
    User
}

fn main() {}
