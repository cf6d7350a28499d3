//! What follows a delivery: the receipt is stored, and then the customer gets a mail. Each is tried until it succeeds.

use std::time::Duration;

use sqlx::PgPool;
use tokio::time::sleep;

use super::assignment::assign_waiting;
use super::mail::{MailError, Mailer};
use super::receipts::Receipts;
use super::tracking::Tracking;
use crate::background::StopSignal;
use crate::defect::Defect;
use crate::program::log;

/// Finishes deliveries until the service stops.
pub(crate) struct Aftercare {
    pub(crate) pool: PgPool,
    pub(crate) mailer: Mailer,
    pub(crate) receipts: Receipts,
    pub(crate) tracking: Tracking,
    pub(crate) pause: Duration,
    pub(crate) defect: Option<Defect>,
}

/// A delivery that is not finished.
#[derive(sqlx::FromRow)]
struct Unfinished {
    order_id: i64,
    customer: String,
    courier: String,
    receipt: String,
}

impl Aftercare {
    pub(crate) async fn run(self, mut stop: StopSignal) {
        loop {
            if let Err(error) = self.finish_all().await {
                log(format_args!("dispatch: receipts and mails wait: {error}"));
            }
            if stop.unless_stopped(sleep(self.pause)).await.is_none() {
                return;
            }
        }
    }

    async fn finish_all(&self) -> Result<(), sqlx::Error> {
        let unfinished = sqlx::query_scalar(
            "SELECT order_id FROM delivery WHERE status = 'delivered' AND (receipt = 'pending' OR mail = 'pending')",
        );
        for order in unfinished.fetch_all(&self.pool).await? {
            self.finish(order).await?;
        }
        self.assign_left_over().await
    }

    /// Stores the receipt and sends the mail, as far as they are missing. The row is locked, so that another instance leaves it alone.
    async fn finish(&self, order: i64) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let delivery = sqlx::query_as(
            "SELECT order_id, customer, courier.name AS courier, receipt FROM delivery JOIN courier ON courier.id = courier_id
             WHERE order_id = $1 AND (receipt = 'pending' OR mail = 'pending') FOR UPDATE OF delivery SKIP LOCKED",
        );
        let delivery: Option<Unfinished> = delivery.bind(order).fetch_optional(&mut *transaction).await?;
        let Some(delivery) = delivery else { return Ok(()) };
        let Unfinished { order_id, customer, courier, receipt } = delivery;
        if self.defect == Some(Defect::MailBeforeReceipt) {
            let _ = self.mailer.send(order_id, &customer).await;
        }
        if receipt == "pending" {
            if let Err(error) = self.receipts.store(order_id, &customer, &courier).await {
                // The text of the error contains no URL, because the URL contains a signature.
                log(format_args!("dispatch: the receipt of order {order_id} waits: {}", error.without_url()));
                return Ok(());
            }
            let update = sqlx::query("UPDATE delivery SET receipt = 'stored' WHERE order_id = $1");
            update.bind(order_id).execute(&mut *transaction).await?;
        }
        let mail = match self.mailer.send(order_id, &customer).await {
            Ok(()) => "sent",
            Err(error @ MailError::Refused(_)) => {
                log(format_args!("dispatch: order {order_id}: {error}"));
                "refused"
            }
            Err(error) => {
                log(format_args!("dispatch: order {order_id}: {error}"));
                if self.defect == Some(Defect::BusyMailServerIsFinal) { "refused" } else { "pending" }
            }
        };
        let update = sqlx::query("UPDATE delivery SET mail = $2 WHERE order_id = $1");
        update.bind(order_id).bind(mail).execute(&mut *transaction).await?;
        transaction.commit().await
    }

    /// Two instances that assign at the same moment skip each other's rows, so an order may wait although a courier is free.
    async fn assign_left_over(&self) -> Result<(), sqlx::Error> {
        let left_over: Vec<i64> = sqlx::query_scalar(
            "SELECT order_id FROM delivery
             WHERE status = 'waiting' AND EXISTS (SELECT FROM courier WHERE busy_with IS NULL)",
        )
        .fetch_all(&self.pool)
        .await?;
        if left_over.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await?;
        assign_waiting(&mut transaction, self.defect).await?;
        transaction.commit().await?;
        for order in left_over {
            self.tracking.forget(order).await;
        }
        Ok(())
    }
}
