use itest::prelude::*;

struct ShopSqlite;
struct ShopPostgres;

#[integration_test]
#[over(Db = [ShopSqlite, ShopPostgres])]
async fn a_book_is_sold<Db>() -> u8 {
    7
}

fn main() {}
