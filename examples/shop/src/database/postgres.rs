//! The parts for PostgreSQL: a server with many concurrent writers.
//!
//! Each statement sees what was committed before it began, so what a transaction has read may have changed when it writes.
//! A transaction therefore locks the rows on which its decisions depend. Orders are locked before products, and products in the
//! order of their numbers, so that two transactions cannot deadlock.

use std::str::FromStr;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool};

use crate::orders::OrderId;
use crate::products::ProductId;

/// The schema on PostgreSQL.
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

pub(super) async fn open(url: &str) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    // A pool retries for half a minute, and then only reports a timeout. A single connection reports the cause.
    options.connect().await?.close().await?;
    PgPool::connect_with(options).await
}

pub(super) async fn lock_order(connection: &mut PgConnection, id: OrderId) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT FROM orders WHERE id = $1 FOR UPDATE").bind(id).execute(connection).await?;
    Ok(())
}

pub(super) async fn lock_products(connection: &mut PgConnection, ids: Vec<ProductId>) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT FROM products WHERE id = ANY($1) ORDER BY id FOR UPDATE").bind(ids).execute(connection).await?;
    Ok(())
}
