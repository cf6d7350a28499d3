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

struct Server;

#[fixture(scope = "worker")]
fn server() -> Server {
    Server
}

#[integration_test]
#[over(Db = [ShopSqlite, Server])]
async fn a_book_is_sold<Db>(_db: Db) {}

fn main() {}
