use itest::prelude::*;

struct Shop<S>(S);

#[fixture(scope = "session")]
fn shop() -> Shop<ShopSqlite> {
    todo!()
}

fn main() {}
