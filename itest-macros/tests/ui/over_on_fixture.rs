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

#[fixture]
#[over(Db = [ShopSqlite, ShopPostgres])]
fn shop<Db: Database>(db: Db) -> Shop<Db> {
    Shop(db)
}

fn main() {}
