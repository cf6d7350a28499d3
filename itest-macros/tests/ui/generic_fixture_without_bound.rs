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

impl<Db: Database> Shop<Db> {
    fn open(db: Db) -> Self {
        Self(db)
    }
}

#[fixture]
fn shop<Db>(db: Db) -> Shop<Db> {
    Shop::open(db)
}

fn main() {}
