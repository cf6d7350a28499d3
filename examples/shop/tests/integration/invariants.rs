//! What holds in the shop after every test, whatever the test did.

use itest::prelude::*;

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::Shop;

#[invariant]
async fn stock_is_conserved_on_sqlite(shop: &Shop<Sqlite>, db: &Sqlite) -> Result<()> {
    stock_is_conserved(shop, db).await
}

#[invariant]
async fn stock_is_conserved_on_postgres(shop: &Shop<Postgres>, db: &Postgres) -> Result<()> {
    stock_is_conserved(shop, db).await
}

#[invariant]
async fn orders_add_up_on_sqlite(db: &Sqlite) -> Result<()> {
    orders_add_up(db).await
}

#[invariant]
async fn orders_add_up_on_postgres(db: &Postgres) -> Result<()> {
    orders_add_up(db).await
}

/// Every item that was supplied is in stock or in an order that is not cancelled.
async fn stock_is_conserved<Db: Database>(shop: &Shop<Db>, db: &Db) -> Result<()> {
    let counted: Vec<(i64, i64)> = db
        .rows(
            "SELECT products.id, CAST(stock + coalesce(sum(quantity), 0) AS bigint)
             FROM products
             LEFT JOIN (SELECT product_id, quantity FROM order_items JOIN orders ON orders.id = order_id
                        WHERE status <> 'cancelled') AS sold ON product_id = products.id
             GROUP BY products.id, stock",
        )
        .await?;
    for (product, supplied) in shop.supplied() {
        assert!(
            counted.contains(&(product, supplied)),
            "{supplied} items of product {product} were supplied: {counted:?}"
        );
    }
    Ok(())
}

/// The total of an order is the sum of its lines, and an order counts as paid only with a payment of its total.
async fn orders_add_up(db: &impl Database) -> Result<()> {
    let wrong: Vec<(i64,)> = db
        .rows(
            "SELECT id FROM orders
             WHERE total_cents <> (SELECT sum(quantity * unit_price_cents) FROM order_items WHERE order_id = orders.id)
                OR status IN ('paid', 'shipped', 'delivered')
                   AND NOT EXISTS (SELECT 1 FROM payments WHERE order_id = orders.id AND amount_cents = total_cents)",
        )
        .await?;
    assert_eq!(wrong, [], "orders whose total or payment is wrong");
    Ok(())
}
