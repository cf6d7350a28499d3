use itest::prelude::*;

struct Order;

#[fixture]
fn order() -> Order {
    Order
}

struct Shop;

#[fixture(scope = "worker")]
async fn shop(order: Order) -> Shop {
    drop(order);
    Shop
}

fn main() {}
