use itest::prelude::*;

trait Database: 'static {}

struct ShopSqlite;
struct ShopPostgres;

impl Database for ShopSqlite {}
impl Database for ShopPostgres {}

#[fixture]
fn sqlite() -> ShopSqlite {
    ShopSqlite
}

#[fixture]
fn postgres() -> ShopPostgres {
    ShopPostgres
}

#[integration_test]
#[over(Db = [sql: ShopSqlite, sql: ShopPostgres])]
async fn a_book_is_sold<Db: Database>(_db: &Db) {}

fn main() {}
