//! What orders learns from dispatch: how far the deliveries are.

use sqlx::PgPool;

use super::order::Status;
use crate::broker::{Handler, HandlingError};
use crate::defect::Defect;
use crate::event::{Envelope, Event};

/// Handles the events of dispatch.
pub(crate) struct Deliveries {
    pub(crate) pool: PgPool,
    pub(crate) defect: Option<Defect>,
}

impl Handler for Deliveries {
    async fn handle(&self, envelope: Envelope) -> Result<(), HandlingError> {
        match envelope.event {
            Event::DeliveryAssigned { order, courier } => self.advance(order, Status::Assigned, Some(courier)).await,
            Event::DeliveryStarted { order } => self.advance(order, Status::Started, None).await,
            Event::Delivered { order } => self.advance(order, Status::Delivered, None).await,
            Event::OrderPaid { .. } => Err(HandlingError::Permanent("orders does not handle its own events".into())),
        }
    }
}

impl Deliveries {
    /// Changes the status of an order, but never back: events may come twice and in another order.
    async fn advance(&self, order: i64, next: Status, courier: Option<String>) -> Result<(), HandlingError> {
        let mut transaction = self.pool.begin().await?;
        let status: Option<Status> = sqlx::query_scalar("SELECT status FROM orders WHERE id = $1 FOR UPDATE")
            .bind(order)
            .fetch_optional(&mut *transaction)
            .await?;
        let status = match status {
            Some(status) => status,
            None if self.defect == Some(Defect::UnknownOrderIsIgnored) => return Ok(()),
            None => return Err(HandlingError::Permanent(format!("there is no order {order}"))),
        };
        let status = if self.defect == Some(Defect::LateEventWins) { next } else { status.max(next) };
        // The name of the courier is written in any case, because the event that contains it may be the last one.
        let update = sqlx::query("UPDATE orders SET status = $2, courier = coalesce($3, courier) WHERE id = $1");
        update.bind(order).bind(status).bind(courier).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}
