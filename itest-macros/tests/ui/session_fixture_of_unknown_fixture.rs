use itest::prelude::*;

struct Stock;

#[derive(serde::Serialize, serde::Deserialize)]
struct Shop;

#[fixture(scope = "session")]
async fn shop(_stock: &Stock) -> Shop {
    Shop
}

fn main() {}
