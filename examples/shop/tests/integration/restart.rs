//! What is left when the shop is started again.

use std::path::Path;

use itest::TempDir;
use itest::prelude::*;
use shop::orders::OrderStatus;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::fixtures::{PASSWORD, Shop, config};
use crate::gateway::Gateway;

#[integration_test(tags("smoke"))]
async fn orders_survive_a_restart(dir: TempDir, gateway: &Gateway, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let file = dir.join("shop.sqlite");
    let before = open(&file, teardown).await?;
    let shop = Shop::start(before.clone(), config(gateway.url()), teardown).await?;
    let ada = shop.customer("ada@example.com").await?;
    let book = shop.product("book", 1299, 10).await?;
    let order = ada.paid_order(&book, 2).await?;

    #[act("the shop is started again, over the same file")]
    before.close().await;
    let after = open(&file, teardown).await?;
    let shop = Shop::start(after, config(gateway.url()), teardown).await?;

    #[assert("everything is there, and yesterday's token is still good")]
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(ada.at(&shop).sees(order.id).await?, order);
    assert_eq!(shop.stock(&book).await?, 8);
    shop.sign_in("ada@example.com", PASSWORD).await?.assert_status(201);
    Ok(())
}

/// Opens and migrates a database in a file, as the program does when it starts.
async fn open(file: &Path, teardown: &Teardown) -> Result<SqlitePool> {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(file).create_if_missing(true)).await?;
    let closed = pool.clone();
    teardown.defer("close the database", async move { closed.close().await });
    shop::MIGRATIONS.run(&pool).await?;
    Ok(pool)
}
