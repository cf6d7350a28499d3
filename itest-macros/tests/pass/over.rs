#![forbid(unsafe_code)]
#![deny(warnings)]

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use itest::prelude::*;
use serde::{Deserialize, Serialize};

trait Database: Send + Sync + 'static {
    const NAME: &'static str;
    const LIMIT: usize;
    type Row: Debug + PartialEq + From<u8>;
    fn put(&mut self, book: &str) -> usize;
}

struct ShopSqlite(Vec<String>);
struct Pg;
struct Store<Kind>(usize, PhantomData<Kind>);

#[fixture]
fn sqlite() -> ShopSqlite {
    ShopSqlite(Vec::new())
}

#[fixture]
fn store<Kind: Send + Sync + 'static>() -> Store<Kind> {
    Store(0, PhantomData)
}

impl Database for ShopSqlite {
    const NAME: &'static str = "shop_sqlite";
    const LIMIT: usize = 2;
    type Row = u16;
    fn put(&mut self, book: &str) -> usize {
        self.0.push(book.to_owned());
        self.0.len()
    }
}

impl Database for Store<Pg> {
    const NAME: &'static str = "postgres";
    const LIMIT: usize = 3;
    type Row = u32;
    fn put(&mut self, _: &str) -> usize {
        self.0 += 1;
        self.0
    }
}

struct Shop<Db> {
    name: &'static str,
    database: Db,
}

#[fixture]
async fn shop<Db>(database: Db, info: &TestInfo, teardown: &Teardown) -> Result<Shop<Db>>
where
    Db: Database,
{
    assert!(info.id().as_str().contains(Db::NAME));
    teardown.defer("close the shop", async {});
    Ok(Shop { name: Db::NAME, database })
}

#[integration_test]
#[over(Db = [ShopSqlite, postgres: Store<Pg>])]
async fn a_book_is_sold<Db: Database>(shop: &mut Shop<Db>, info: &TestInfo) -> Result<()> {
    #[arrange]
    let name = format!("a_book_is_sold::{}", Db::NAME);
    #[act]
    let sold = shop.database.put("book");
    #[assert]
    assert_eq!(sold, 1);
    assert_eq!(shop.name, Db::NAME);
    assert_eq!(info.id().as_str(), name);
    Ok(())
}

// Above the other attribute, too, and over types of which no value is asked for.
#[over(Db = [ShopSqlite, postgres: Store<Pg>])]
#[integration_test(tags("matrix"))]
#[case::none(0, None)]
#[case::limit(Db::LIMIT, Some(Db::LIMIT))]
fn it_multiplies<Db>(
    #[case] books: usize,
    info: &TestInfo,
    #[values(1, 2)] factor: usize,
    #[case] limit: Option<usize>,
    #[values(<Db as Database>::Row::from(7_u8))] row: <Db as Database>::Row,
) where
    Db: Database,
{
    let case = if books == 0 { "none" } else { "limit" };
    let row_name = "row_from_7_u8";
    assert_eq!(info.id().as_str(), format!("it_multiplies::{}::{case}::factor_{factor}::{row_name}", Db::NAME));
    assert_eq!(limit.unwrap_or(0), books);
    assert_eq!(row, Db::Row::from(7_u8));
    assert_eq!(info.tags(), ["matrix"]);
}

// Wider scopes, and fixtures of fixtures.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
struct Cluster<Db>(String, PhantomData<fn() -> Db>);

#[fixture(scope = "session")]
fn cluster<Db: Database>() -> Cluster<Db> {
    Cluster(Db::NAME.to_owned(), PhantomData)
}

struct Pool<Db, const SIZE: usize>(String, AtomicU32, PhantomData<fn() -> Db>);

#[fixture(scope = "worker")]
async fn pool<Db: Database, const SIZE: usize>(cluster: &Cluster<Db>) -> Pool<Db, SIZE> {
    Pool(cluster.0.clone(), AtomicU32::new(0), PhantomData)
}

#[integration_test]
#[over(Db = [ShopSqlite, postgres: Store<Pg>])]
fn pools_are_shared<'a, Db>(pool: &'a Pool<Db, 4>, larger: &mut Pool<Db, 8>, #[values(1, 2)] _round: u8)
where
    Db: Database,
{
    assert_eq!(pool.0, Db::NAME);
    assert_eq!(pool.1.fetch_add(1, Ordering::Relaxed), *larger.1.get_mut());
    *larger.1.get_mut() += 1;
}

itest::main!();
