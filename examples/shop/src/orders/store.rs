//! Orders in the database. Operations with several statements are transactions.

use sqlx::{FromRow, PgExecutor, SqliteExecutor};

use super::{NewOrderItem, Order, OrderId, OrderItem, OrderStatus};
use crate::database::{Database, Either, Transaction, on};
use crate::error::Error;
use crate::payment::Charge;
use crate::products::ProductId;
use crate::users::UserId;

/// One line of an order, with the columns of the order itself.
#[derive(FromRow)]
struct Line {
    customer_id: UserId,
    status: OrderStatus,
    total_cents: i64,
    #[sqlx(flatten)]
    item: OrderItem,
}

/// The stock and the price of a product.
#[derive(FromRow)]
struct Inventory {
    #[sqlx(try_from = "i64")]
    stock: u32,
    price_cents: i64,
}

/// Reserves the stock of every item and stores the order, or changes nothing at all.
pub(super) async fn place(database: &Database, customer: UserId, items: &[NewOrderItem]) -> Result<Order, Error> {
    let mut transaction = database.begin().await?;
    transaction.lock_products(items.iter().map(|item| item.product_id).collect()).await?;
    let mut reserved = Vec::with_capacity(items.len());
    for item in items {
        reserved.push(reserve_item(&mut transaction, *item).await?);
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
pub(super) async fn find(database: &Database, id: OrderId) -> Result<Order, Error> {
    load(database.pool(), id).await
}

/// The idempotency key of all attempts to pay this order, so that only one can succeed.
pub(super) async fn payment_key(database: &Database, id: OrderId) -> Result<String, Error> {
    let key = on!(database, |pool| {
        sqlx::query_scalar("SELECT payment_key FROM orders WHERE id = $1").bind(id).fetch_one(pool).await?
    });
    Ok(key)
}

/// Records a charge. A second charge for the same order is the same one, because of the idempotency key.
pub(super) async fn record_payment(database: &Database, order: &Order, charge: &Charge) -> Result<(), Error> {
    on!(database, |pool| {
        sqlx::query(
            "INSERT INTO payments (order_id, charge_id, amount_cents) VALUES ($1, $2, $3)
             ON CONFLICT (order_id) DO NOTHING",
        )
        .bind(order.id)
        .bind(&charge.charge_id)
        .bind(order.total_cents)
        .execute(pool)
        .await?;
    });
    Ok(())
}

/// Changes the status of an order. A cancelled order releases its stock.
pub(super) async fn change_status(database: &Database, id: OrderId, next: OrderStatus) -> Result<Order, Error> {
    let mut transaction = database.begin().await?;
    transaction.lock_order(id).await?;
    let order = load(transaction.connection(), id).await?;
    order.status.require(next)?;
    on!(&mut transaction, |transaction| {
        sqlx::query("UPDATE orders SET status = $1 WHERE id = $2")
            .bind(next)
            .bind(id)
            .execute(&mut **transaction)
            .await?;
    });
    if next == OrderStatus::Cancelled {
        transaction.lock_products(order.items.iter().map(|item| item.product_id).collect()).await?;
        for item in &order.items {
            release_item(&mut transaction, item).await?;
        }
    }
    transaction.commit().await?;
    Ok(Order { status: next, ..order })
}

async fn load<'c>(executor: Either<impl SqliteExecutor<'c>, impl PgExecutor<'c>>, id: OrderId) -> Result<Order, Error> {
    let lines: Vec<Line> = on!(executor, |executor| {
        sqlx::query_as(
            "SELECT customer_id, status, total_cents, product_id, quantity, unit_price_cents
             FROM orders JOIN order_items ON order_id = id
             WHERE id = $1 ORDER BY line",
        )
        .bind(id)
        .fetch_all(executor)
        .await?
    });
    let Some(&Line { customer_id, status, total_cents, .. }) = lines.first() else {
        return Err(Error::NotFound("order"));
    };
    let items = lines.into_iter().map(|line| line.item).collect();
    Ok(Order { id, customer_id, status, items, total_cents })
}

/// Reserves the stock of one line, and fixes its price.
async fn reserve_item(transaction: &mut Transaction, item: NewOrderItem) -> Result<OrderItem, Error> {
    let NewOrderItem { product_id, quantity } = item;
    let inventory = inventory(transaction, product_id).await?;
    let Some(left) = inventory.stock.checked_sub(quantity) else {
        return Err(Error::OutOfStock { product: product_id, requested: quantity, available: inventory.stock });
    };
    on!(transaction, |transaction| {
        sqlx::query("UPDATE products SET stock = $1 WHERE id = $2")
            .bind(i64::from(left))
            .bind(product_id)
            .execute(&mut **transaction)
            .await?;
    });
    Ok(OrderItem { product_id, quantity, unit_price_cents: inventory.price_cents })
}

/// Releases the stock of one line.
async fn release_item(transaction: &mut Transaction, item: &OrderItem) -> Result<(), Error> {
    on!(transaction, |transaction| {
        sqlx::query("UPDATE products SET stock = stock + $1 WHERE id = $2")
            .bind(i64::from(item.quantity))
            .bind(item.product_id)
            .execute(&mut **transaction)
            .await?;
    });
    Ok(())
}

async fn inventory(transaction: &mut Transaction, id: ProductId) -> Result<Inventory, Error> {
    let inventory: Option<Inventory> = on!(transaction, |transaction| {
        sqlx::query_as("SELECT stock, price_cents FROM products WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut **transaction)
            .await?
    });
    inventory.ok_or(Error::UnknownProduct(id))
}

async fn insert_order(transaction: &mut Transaction, customer: UserId, total_cents: i64) -> Result<OrderId, Error> {
    let inserted = on!(transaction, |transaction| {
        sqlx::query_scalar("INSERT INTO orders (customer_id, total_cents) VALUES ($1, $2) RETURNING id")
            .bind(customer)
            .bind(total_cents)
            .fetch_one(&mut **transaction)
            .await
    });
    inserted.map_err(|error| match error.as_database_error() {
        // The only foreign key here is the customer, so the user of the token was deleted.
        Some(cause) if cause.is_foreign_key_violation() => Error::Unauthenticated("the token's user does not exist"),
        _ => error.into(),
    })
}

async fn insert_item(transaction: &mut Transaction, order: OrderId, line: i64, item: &OrderItem) -> Result<(), Error> {
    on!(transaction, |transaction| {
        sqlx::query(
            "INSERT INTO order_items (order_id, line, product_id, quantity, unit_price_cents)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(order)
        .bind(line)
        .bind(item.product_id)
        .bind(i64::from(item.quantity))
        .bind(item.unit_price_cents)
        .execute(&mut **transaction)
        .await?;
    });
    Ok(())
}

/// The total price of all items, unless it overflows.
fn total(items: &[OrderItem]) -> Option<i64> {
    items.iter().try_fold(0_i64, |sum, item| {
        let price = item.unit_price_cents.checked_mul(i64::from(item.quantity))?;
        sum.checked_add(price)
    })
}
