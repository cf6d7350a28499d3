use itest::prelude::*;

struct Order;

#[fixture]
fn order() -> Order {
    Order
}

struct Shop;

#[fixture(scope = "worker")]
async fn shop(_order: &Order) -> Shop {
    Shop
}

fn main() {}
