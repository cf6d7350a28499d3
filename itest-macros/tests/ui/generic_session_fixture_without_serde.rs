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

struct Cluster<Db>(std::marker::PhantomData<Db>);

#[fixture(scope = "session")]
fn cluster<Db: Database>() -> Cluster<Db> {
    Cluster(std::marker::PhantomData)
}

fn main() {}
