use itest::prelude::*;

struct Order;

#[fixture]
fn order() -> Order {
    Order
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Shop;

#[fixture(scope = "session")]
async fn shop(_order: Order) -> Shop {
    Shop
}

fn main() {}
