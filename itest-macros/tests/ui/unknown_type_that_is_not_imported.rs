use itest::prelude::*;

mod shops {
    pub struct Shop;
}

struct Customer;

#[fixture]
fn customer(_shop: &Shop) -> Customer {
    Customer
}

fn main() {}
