//! A suite whose application uses diesel, which blocks its thread and connects through libpq.

use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use itest::postgres::{Cloned, InSchema, Postgres, SchemaByUrl};
use itest::prelude::*;

itest::main!();

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/diesel");

diesel::table! {
    product (id) {
        id -> BigInt,
        name -> Text,
        stock -> Integer,
    }
}

struct Shop;

impl SchemaByUrl for Shop {
    async fn migrate(url: &str) -> Result<()> {
        // A connection of diesel is closed when it is dropped.
        PgConnection::establish(url)?.run_pending_migrations(MIGRATIONS)?;
        Ok(())
    }

    async fn seed(url: &str) -> Result<()> {
        let mut connection = PgConnection::establish(url)?;
        let book = (product::name.eq("book"), product::stock.eq(3));
        diesel::insert_into(product::table).values(book).execute(&mut connection)?;
        Ok(())
    }
}

type ShopDb = Postgres<Shop>;

/// Asserts that the only product is the seeded one, and adds another one, which has the second number.
fn check_fresh_and_add(url: &str) -> Result<()> {
    let mut connection = PgConnection::establish(url)?;
    let names: Vec<String> = product::table.select(product::name).load(&mut connection)?;
    assert_eq!(names, ["book"]);
    let added = diesel::insert_into(product::table).values((product::name.eq("pen"), product::stock.eq(1)));
    let id: i64 = added.returning(product::id).get_result(&mut connection)?;
    assert_eq!(id, 2);
    Ok(())
}

#[integration_test]
fn all_migrations_of_diesel_are_applied(db: &ShopDb) -> Result<()> {
    let mut connection = PgConnection::establish(db.url())?;
    assert!(!connection.has_pending_migration(MIGRATIONS)?);
    Ok(())
}

#[integration_test]
fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &ShopDb) -> Result<()> {
    check_fresh_and_add(db.url())
}

#[integration_test]
fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<Cloned<Shop>>) -> Result<()> {
    check_fresh_and_add(db.url())
}

#[integration_test]
fn private_schema_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<InSchema<Shop>>) -> Result<()> {
    check_fresh_and_add(db.url())
}

#[integration_test]
fn parts_of_the_url_open_the_same_database(db: &ShopDb) -> Result<()> {
    let mut parts = format!("host='{}' port={} user='{}' dbname='{}'", db.host(), db.port(), db.user(), db.database());
    if let Some(password) = db.password() {
        parts = format!("{parts} password='{password}'");
    }
    check_fresh_and_add(&parts)
}
