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

struct Store<Db>(Db);

#[fixture]
fn store<Db: Database>(db: Db) -> Store<Db> {
    Store(db)
}

struct Shop<Db>(std::marker::PhantomData<Db>);

#[fixture(scope = "worker")]
fn shop<Db: Database>(_store: &Store<Db>) -> Shop<Db> {
    Shop(std::marker::PhantomData)
}

#[integration_test]
async fn a_book_is_sold(_shop: &Shop<ShopSqlite>) {}

fn main() {}
