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
#[over(Db = [ShopSqlite, ShopSqlite])]
fn a_book_is_sold<Db: Database>(_db: &Db) -> u8 {
    1
}

fn another() -> u8 {
    a_book_is_sold(&ShopSqlite)
}

fn main() {}
