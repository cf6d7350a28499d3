//! The same tests over several backends.

use std::marker::PhantomData;

use itest::prelude::*;
use serde::{Deserialize, Serialize};

itest::main!();

trait Backend: Send + Sync + 'static {
    const NAME: &'static str;
}

/// A backend without arguments.
#[derive(Debug)]
struct InMemory;

/// A backend of some kind.
#[derive(Debug)]
struct Stored<Kind>(PhantomData<fn() -> Kind>);

#[derive(Debug)]
struct Disk;

impl Backend for InMemory {
    const NAME: &'static str = "in_memory";
}

impl Backend for Stored<Disk> {
    const NAME: &'static str = "disk";
}

/// A session fixture for each backend.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
struct Cluster<Db>(String, PhantomData<fn() -> Db>);

#[fixture(scope = "session")]
fn cluster<Db: Backend>() -> Cluster<Db> {
    Cluster(Db::NAME.to_owned(), PhantomData)
}

/// A fixture that depends on the session fixture.
#[derive(Debug)]
struct Shop<Db> {
    name: String,
    sold: Vec<String>,
    backend: PhantomData<fn() -> Db>,
}

#[fixture]
async fn shop<Db: Backend>(cluster: &Cluster<Db>) -> Result<Shop<Db>> {
    Ok(Shop { name: cluster.0.clone(), sold: Vec::new(), backend: PhantomData })
}

mod orders {
    use super::{Backend, Disk, InMemory, Shop, Stored, TestInfo, integration_test};

    #[integration_test]
    #[over(Db = [InMemory, disk: Stored<Disk>])]
    async fn a_book_is_sold<Db: Backend>(mut shop: Shop<Db>, info: &TestInfo) {
        #[act]
        shop.sold.push("book".to_owned());
        #[assert]
        assert_eq!(shop.sold, ["book"]);
        assert_eq!(
            (shop.name.as_str(), info.id().as_str()),
            (Db::NAME, format!("orders::a_book_is_sold::{}", Db::NAME).as_str())
        );
    }
}

#[over(Db = [disk: Stored<Disk>, InMemory])]
#[integration_test(tags("books"))]
#[case::one(1)]
#[case::two(2)]
fn books_are_counted<Db: Backend>(cluster: &mut Cluster<Db>, #[case] books: usize, #[values("a", "b")] title: &str) {
    assert_eq!(cluster.0, Db::NAME);
    assert_eq!(title.repeat(books).len(), books);
}

#[integration_test]
fn stands_alone() {}
