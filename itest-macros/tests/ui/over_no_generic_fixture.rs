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

struct Shop<Db>(Db);

#[integration_test]
#[over(Db = [ShopSqlite])]
async fn a_book_is_sold<Db: Database>(_shop: &Shop<Db>) {}

fn main() {}
