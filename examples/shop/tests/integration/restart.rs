//! The shop keeps its data when it is restarted.

use itest::prelude::*;
use shop::orders::OrderStatus;

use crate::databases::{Database, Postgres, SqliteFile};
use crate::fixtures::{PASSWORD, Shop, config};
use crate::gateway::Gateway;

#[integration_test(tags("smoke"))]
#[over(Db = [sqlite: SqliteFile, Postgres])]
async fn orders_survive_a_restart<Db: Database>(db: &Db, gateway: &Gateway, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let before = open(db, teardown).await?;
    let shop = Shop::<Db>::start(before.clone(), config(gateway.url()), teardown).await?;
    let ada = shop.customer("ada@example.com").await?;
    let book = shop.product("book", 1299, 10).await?;
    let order = ada.paid_order(&book, 2).await?;

    #[act("the shop is started again, over the same database")]
    before.close().await;
    let after = open(db, teardown).await?;
    let shop = Shop::<Db>::start(after, config(gateway.url()), teardown).await?;

    #[assert("the data is unchanged, and the earlier token is still valid")]
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(ada.at(&shop).sees(order.id).await?, order);
    assert_eq!(shop.stock(&book).await?, 8);
    shop.sign_in("ada@example.com", PASSWORD).await?.assert_status(201);
    Ok(())
}

/// Opens and migrates the database, as the program does when it starts.
async fn open(db: &impl Database, teardown: &Teardown) -> Result<shop::Database> {
    let database = shop::Database::open(db.url()).await?;
    let closed = database.clone();
    teardown.defer("close the database", async move { closed.close().await });
    database.migrate().await?;
    Ok(database)
}
