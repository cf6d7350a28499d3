//! Orders in the database. Whatever takes several statements is one transaction.

use sqlx::{FromRow, SqliteConnection, SqlitePool};

use super::{NewOrderItem, Order, OrderId, OrderItem, OrderStatus};
use crate::error::Error;
use crate::payment::Charge;
use crate::products::ProductId;
use crate::users::UserId;

/// Takes the database's write lock at once. A transaction that starts by reading cannot wait for
/// the lock later: if somebody else wrote in between, what it has read is outdated, and it fails.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// An order without its items, as it is stored.
#[derive(FromRow)]
struct OrderRow {
    customer_id: UserId,
    status: OrderStatus,
    total_cents: i64,
}

/// Reserves the stock of every item and stores the order, or changes nothing at all.
pub(super) async fn place(pool: &SqlitePool, customer: UserId, items: &[NewOrderItem]) -> Result<Order, Error> {
    // Leaving early with `?` drops the transaction, which rolls it back.
    let mut transaction = pool.begin_with(BEGIN).await?;
    let mut reserved = Vec::with_capacity(items.len());
    for item in items {
        reserved.push(reserve(&mut transaction, *item).await?);
    }
    let total_cents =
        total(&reserved).ok_or_else(|| Error::Invalid("the order is worth more than can be counted".to_owned()))?;
    let id = insert_order(&mut transaction, customer, total_cents).await?;
    for (line, item) in (1_i64..).zip(&reserved) {
        insert_item(&mut transaction, id, line, item).await?;
    }
    transaction.commit().await?;
    Ok(Order { id, customer_id: customer, status: OrderStatus::Placed, items: reserved, total_cents })
}

/// An order and its items.
pub(super) async fn find(pool: &SqlitePool, id: OrderId) -> Result<Order, Error> {
    load(&mut *pool.acquire().await?, id).await
}

/// The key that every attempt to pay this order is made with, so that only one can succeed.
pub(super) async fn payment_key(pool: &SqlitePool, id: OrderId) -> Result<String, Error> {
    let key = sqlx::query_scalar("SELECT payment_key FROM orders WHERE id = ?").bind(id).fetch_one(pool).await?;
    Ok(key)
}

/// Remembers a charge. Asked twice for the same order, the gateway answers with the same charge.
pub(super) async fn record_payment(pool: &SqlitePool, order: &Order, charge: &Charge) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO payments (order_id, charge_id, amount_cents) VALUES (?, ?, ?)
         ON CONFLICT (order_id) DO NOTHING",
    )
    .bind(order.id)
    .bind(&charge.charge_id)
    .bind(order.total_cents)
    .execute(pool)
    .await?;
    Ok(())
}

/// Moves an order along its life cycle. A cancelled order gives its stock back.
pub(super) async fn change_status(pool: &SqlitePool, id: OrderId, next: OrderStatus) -> Result<Order, Error> {
    let mut transaction = pool.begin_with(BEGIN).await?;
    let order = load(&mut transaction, id).await?;
    order.status.require(next)?;
    sqlx::query("UPDATE orders SET status = ? WHERE id = ?").bind(next).bind(id).execute(&mut *transaction).await?;
    if next == OrderStatus::Cancelled {
        for item in &order.items {
            sqlx::query("UPDATE products SET stock = stock + ? WHERE id = ?")
                .bind(item.quantity)
                .bind(item.product_id)
                .execute(&mut *transaction)
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(Order { status: next, ..order })
}

async fn load(connection: &mut SqliteConnection, id: OrderId) -> Result<Order, Error> {
    let row: OrderRow = sqlx::query_as("SELECT customer_id, status, total_cents FROM orders WHERE id = ?")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or(Error::NotFound("order"))?;
    let items = sqlx::query_as(
        "SELECT product_id, quantity, unit_price_cents FROM order_items
         WHERE order_id = ? ORDER BY line",
    )
    .bind(id)
    .fetch_all(connection)
    .await?;
    Ok(Order { id, customer_id: row.customer_id, status: row.status, items, total_cents: row.total_cents })
}

/// Takes one line's stock, and fixes the price it is sold at.
async fn reserve(connection: &mut SqliteConnection, item: NewOrderItem) -> Result<OrderItem, Error> {
    let NewOrderItem { product_id, quantity } = item;
    let (available, unit_price_cents) = stock_and_price(connection, product_id).await?;
    let Some(left) = available.checked_sub(quantity) else {
        return Err(Error::OutOfStock { product: product_id, requested: quantity, available });
    };
    sqlx::query("UPDATE products SET stock = ? WHERE id = ?").bind(left).bind(product_id).execute(connection).await?;
    Ok(OrderItem { product_id, quantity, unit_price_cents })
}

async fn stock_and_price(connection: &mut SqliteConnection, id: ProductId) -> Result<(u32, i64), Error> {
    sqlx::query_as("SELECT stock, price_cents FROM products WHERE id = ?")
        .bind(id)
        .fetch_optional(connection)
        .await?
        .ok_or(Error::UnknownProduct(id))
}

async fn insert_order(connection: &mut SqliteConnection, customer: UserId, total_cents: i64) -> Result<OrderId, Error> {
    sqlx::query_scalar("INSERT INTO orders (customer_id, total_cents) VALUES (?, ?) RETURNING id")
        .bind(customer)
        .bind(total_cents)
        .fetch_one(connection)
        .await
        .map_err(|error| match error.as_database_error() {
            // The only foreign key here is the customer: the token outlived its user.
            Some(cause) if cause.is_foreign_key_violation() => {
                Error::Unauthenticated("the token's user does not exist")
            }
            _ => error.into(),
        })
}

async fn insert_item(
    connection: &mut SqliteConnection,
    order: OrderId,
    line: i64,
    item: &OrderItem,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_cents)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(order)
    .bind(line)
    .bind(item.product_id)
    .bind(item.quantity)
    .bind(item.unit_price_cents)
    .execute(connection)
    .await?;
    Ok(())
}

/// What all items cost together, unless that is more than fits.
fn total(items: &[OrderItem]) -> Option<i64> {
    items.iter().try_fold(0_i64, |sum, item| {
        let price = item.unit_price_cents.checked_mul(i64::from(item.quantity))?;
        sum.checked_add(price)
    })
}
