//! Which courier delivers which order.

use sqlx::{PgConnection, PgPool};

use super::SERVICE;
use super::tracking::Tracking;
use crate::broker::{Handler, HandlingError};
use crate::defect::Defect;
use crate::event::{Envelope, Event};
use crate::outbox;

/// A new order waits for a courier.
const WAIT: &str = "INSERT INTO delivery (order_id, customer, address) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
/// Also an order that has a courier waits for another one.
const WAIT_AGAIN: &str = "INSERT INTO delivery (order_id, customer, address) VALUES ($1, $2, $3) \
                          ON CONFLICT (order_id) DO UPDATE SET status = 'waiting'";

/// Handles the events of orders.
pub(crate) struct PaidOrders {
    pub(crate) pool: PgPool,
    pub(crate) tracking: Tracking,
    pub(crate) defect: Option<Defect>,
}

impl Handler for PaidOrders {
    async fn handle(&self, envelope: Envelope) -> Result<(), HandlingError> {
        let Event::OrderPaid { order, customer, address } = envelope.event else {
            return Err(HandlingError::Permanent("dispatch handles paid orders only".into()));
        };
        let mut transaction = self.pool.begin().await?;
        let insert = sqlx::query("INSERT INTO inbox (event_id) VALUES ($1) ON CONFLICT DO NOTHING");
        let is_new = insert.bind(envelope.id).execute(&mut *transaction).await?.rows_affected() == 1;
        if !is_new && self.defect != Some(Defect::NoInbox) {
            return Ok(());
        }
        let insert = sqlx::query(if self.defect == Some(Defect::NoInbox) { WAIT_AGAIN } else { WAIT });
        insert.bind(order).bind(customer).bind(address).execute(&mut *transaction).await?;
        assign_waiting(&mut transaction, self.defect).await?;
        transaction.commit().await?;
        self.tracking.forget(order).await;
        Ok(())
    }
}

/// Assigns free couriers to the orders that wait, the oldest order first, and the courier with the fewest deliveries first.
///
/// Locked rows are skipped: another instance is assigning them at this moment.
pub(crate) async fn assign_waiting(transaction: &mut PgConnection, defect: Option<Defect>) -> Result<(), sqlx::Error> {
    const FREE: &str = "SELECT id, name FROM courier WHERE busy_with IS NULL ORDER BY delivered, id LIMIT 1";
    const FREE_AND_LOCKED: &str = "SELECT id, name FROM courier WHERE busy_with IS NULL ORDER BY delivered, id LIMIT 1 \
                                   FOR UPDATE SKIP LOCKED";
    let waiting: Vec<i64> = sqlx::query_scalar(
        "SELECT order_id FROM delivery WHERE status = 'waiting' ORDER BY order_id FOR UPDATE SKIP LOCKED",
    )
    .fetch_all(&mut *transaction)
    .await?;
    for order in waiting {
        let without_lock = defect == Some(Defect::CourierWithoutLock);
        let free = sqlx::query_as(if without_lock { FREE } else { FREE_AND_LOCKED });
        let free: Option<(i64, String)> = free.fetch_optional(&mut *transaction).await?;
        let Some((id, courier)) = free else { break };
        if without_lock {
            // The other instance reads in this time.
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        let update = sqlx::query("UPDATE courier SET busy_with = $2 WHERE id = $1");
        update.bind(id).bind(order).execute(&mut *transaction).await?;
        let update = sqlx::query("UPDATE delivery SET status = 'assigned', courier_id = $2 WHERE order_id = $1");
        update.bind(order).bind(id).execute(&mut *transaction).await?;
        outbox::write(transaction, SERVICE, &Event::DeliveryAssigned { order, courier }).await?;
    }
    Ok(())
}
