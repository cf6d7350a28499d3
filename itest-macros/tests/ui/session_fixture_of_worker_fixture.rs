use itest::prelude::*;

struct Pool;

#[fixture(scope = "worker")]
fn pool() -> Pool {
    Pool
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Shop;

#[fixture(scope = "session")]
async fn shop(_pool: &Pool) -> Shop {
    Shop
}

fn main() {}
