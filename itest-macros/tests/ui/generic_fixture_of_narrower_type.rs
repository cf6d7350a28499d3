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

struct Shop<Db>(std::marker::PhantomData<Db>);

#[fixture(scope = "worker")]
fn shop<Db: Database>(_info: &TestInfo) -> Shop<Db> {
    Shop(std::marker::PhantomData)
}

fn main() {}
