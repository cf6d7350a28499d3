use itest::prelude::*;

#[derive(serde::Serialize, serde::Deserialize)]
struct Shop;

#[fixture(scope = "session")]
async fn shop(_folder: TempDir) -> Shop {
    Shop
}

fn main() {}
