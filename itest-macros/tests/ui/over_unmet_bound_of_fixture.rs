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

struct ShopMysql;

#[fixture]
fn mysql() -> ShopMysql {
    ShopMysql
}

struct Shop<Db>(Db);

#[fixture]
fn shop<Db: Database>(db: Db) -> Shop<Db> {
    Shop(db)
}

#[integration_test]
#[over(Db = [ShopSqlite, ShopMysql])]
async fn a_book_is_sold<Db>(_shop: &Shop<Db>) {}

fn main() {}
