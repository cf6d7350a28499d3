use itest::prelude::*;

struct Shop<S>(S);

#[integration_test]
fn it_works<'a>(_shop: &'a Shop<ShopSqlite>, _info: &'a TestInfo) {}

fn main() {}
