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

#[teardown]
#[over(Db = [ShopSqlite, ShopPostgres])]
fn remove(_name: String) {}

fn main() {}
