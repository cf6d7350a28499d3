//! A suite whose application uses sea-orm 1.1, which uses sqlx 0.8.

use itest::postgres::{Cloned, InSchema, Postgres, SchemaByUrl};
use itest::prelude::*;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use sea_orm_migration::prelude::{DeriveIden, MigrationName, MigrationTrait, MigratorTrait, SchemaManager};
use sea_orm_migration::schema::{integer, pk_auto, string_uniq};

itest::main!();

#[derive(DeriveIden)]
enum Product {
    Table,
    Id,
    Name,
    Stock,
}

struct CreateProduct;

impl MigrationName for CreateProduct {
    fn name(&self) -> &str {
        "m20260101_000000_create_product"
    }
}

#[sea_orm_migration::async_trait::async_trait]
impl MigrationTrait for CreateProduct {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = sea_orm_migration::prelude::Table::create();
        let stock = integer(Product::Stock).default(0).take();
        table.table(Product::Table).col(pk_auto(Product::Id)).col(string_uniq(Product::Name)).col(stock);
        manager.create_table(table).await
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateProduct)]
    }
}

struct Shop;

impl SchemaByUrl for Shop {
    async fn migrate(url: &str) -> Result<()> {
        let db = Database::connect(url).await?;
        Migrator::up(&db, None).await?;
        Ok(db.close().await?)
    }

    async fn seed(url: &str) -> Result<()> {
        let db = Database::connect(url).await?;
        db.execute_unprepared("INSERT INTO product (name, stock) VALUES ('book', 3)").await?;
        Ok(db.close().await?)
    }
}

type ShopDb = Postgres<Shop>;

/// Asserts that the only product is the seeded one, and adds another one, which has the second number.
async fn check_fresh_and_add(db: DatabaseConnection) -> Result<()> {
    let query = |sql: &str| Statement::from_string(DbBackend::Postgres, sql);
    let rows = db.query_all(query("SELECT name, stock FROM product")).await?;
    let products: Vec<(String, i32)> = rows
        .iter()
        .map(|row| row.try_get_many("", &["name".to_owned(), "stock".to_owned()]))
        .collect::<Result<_, _>>()?;
    assert_eq!(products, [("book".to_owned(), 3)]);
    let added = db.query_one(query("INSERT INTO product (name) VALUES ('pen') RETURNING id")).await?;
    assert_eq!(added.map(|row| row.try_get::<i32>("", "id")).transpose()?, Some(2));
    Ok(db.close().await?)
}

#[integration_test]
async fn all_migrations_of_sea_orm_are_applied(db: &ShopDb) -> Result<()> {
    let db = Database::connect(db.url()).await?;
    assert_eq!(Migrator::get_pending_migrations(&db).await?.len(), 0);
    Ok(db.close().await?)
}

#[integration_test]
async fn recycled_database_is_fresh(#[values(1, 2, 3)] _again: u32, db: &ShopDb) -> Result<()> {
    check_fresh_and_add(Database::connect(db.url()).await?).await
}

#[integration_test]
async fn cloned_database_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<Cloned<Shop>>) -> Result<()> {
    check_fresh_and_add(Database::connect(db.url()).await?).await
}

#[integration_test]
async fn private_schema_is_fresh(#[values(1, 2)] _again: u32, db: &Postgres<InSchema<Shop>>) -> Result<()> {
    check_fresh_and_add(Database::connect(db.url()).await?).await
}
