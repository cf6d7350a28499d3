//! What must be true after every test, whatever it did to the services.

use std::collections::BTreeMap;

use itest::prelude::*;

use crate::fixtures::{DispatchDb, OrdersDb};
use crate::provider::Provider;

/// The provider has charged each paid order once, and no other order but those whose payment got lost on its way back.
#[invariant]
async fn each_paid_order_is_charged_exactly_once(db: &OrdersDb, provider: &Provider) -> Result<()> {
    let mut amounts: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (key, amount) in provider.charges() {
        let order = key.split('-').nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
        amounts.entry(order).or_default().push(amount);
    }
    let orders: Vec<(i64, i64, bool)> = sqlx::query_as(
        "SELECT id, amount_cents, charge_id IS NOT NULL FROM orders WHERE status <> 'cancelled' ORDER BY id",
    )
    .fetch_all(&db.pool())
    .await?;
    for (order, amount, is_paid) in orders {
        let charged = amounts.remove(&order).unwrap_or_default();
        assert!(charged.len() <= 1, "order {order} was charged {} times", charged.len());
        if is_paid {
            assert_eq!(charged, [amount], "order {order} is paid");
        }
    }
    Ok(())
}

/// A courier is busy with an order exactly as long as the order is assigned to the courier, and not delivered.
#[invariant]
async fn busy_couriers_are_those_with_a_delivery(db: &DispatchDb) -> Result<()> {
    let busy: Vec<(i64, i64)> =
        sqlx::query_as("SELECT id, busy_with FROM courier WHERE busy_with IS NOT NULL ORDER BY id, busy_with")
            .fetch_all(&db.pool())
            .await?;
    let under_way: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT courier_id, order_id FROM delivery WHERE status IN ('assigned', 'started') ORDER BY courier_id, order_id",
    )
    .fetch_all(&db.pool())
    .await?;
    assert_eq!(busy, under_way, "pairs of couriers and orders: the busy couriers, and the deliveries under way");
    Ok(())
}

/// Each courier's number of deliveries is the number of deliveries.
#[invariant]
async fn deliveries_of_couriers_are_counted(db: &DispatchDb) -> Result<()> {
    let miscounted: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM courier WHERE delivered <>
         (SELECT count(*) FROM delivery WHERE courier_id = courier.id AND status = 'delivered')",
    )
    .fetch_all(&db.pool())
    .await?;
    assert_eq!(miscounted, [""; 0], "couriers with another number of deliveries than they have made");
    Ok(())
}

/// A mail is sent only if its receipt is stored.
#[invariant]
async fn mails_have_receipts(db: &DispatchDb) -> Result<()> {
    let without: Vec<i64> =
        sqlx::query_scalar("SELECT order_id FROM delivery WHERE mail = 'sent' AND receipt <> 'stored'")
            .fetch_all(&db.pool())
            .await?;
    assert_eq!(without, [0; 0], "orders with a mail and without a receipt");
    Ok(())
}

/// Over both databases: dispatch delivers only orders that were paid, and orders does not run ahead of dispatch.
#[invariant]
async fn services_agree_on_the_orders(orders: &OrdersDb, dispatch: &DispatchDb) -> Result<()> {
    const STATUSES: [&str; 4] = ["paid", "assigned", "started", "delivered"];
    let rank = |status: &str| STATUSES.iter().position(|known| *known == status);
    let deliveries: Vec<(i64, String)> =
        sqlx::query_as("SELECT order_id, status FROM delivery").fetch_all(&dispatch.pool()).await?;
    for (order, delivery) in deliveries {
        let status: Option<String> = sqlx::query_scalar("SELECT status FROM orders WHERE id = $1")
            .bind(order)
            .fetch_optional(&orders.pool())
            .await?;
        let status = status.ok_or_else(|| format!("dispatch delivers order {order}, which does not exist"))?;
        let at_orders = rank(&status).ok_or_else(|| format!("dispatch delivers order {order}, which is {status}"))?;
        let at_dispatch = rank(&delivery).unwrap_or_default();
        assert!(at_orders <= at_dispatch, "order {order} is {status}, and its delivery is {delivery}");
    }
    Ok(())
}
