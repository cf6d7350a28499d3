use itest::prelude::*;

struct Shop<S>(S);

struct Customer;

#[fixture]
fn customer(_shop: &Shop<ShopSqlite>) -> Customer {
    Customer
}

fn main() {}
