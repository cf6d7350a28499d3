//! Two services that deliver orders: an example of a system whose parts talk over HTTP and a broker, and which is tested with itest.
//!
//! [`orders`] takes orders, charges the customer through a third party, and announces paid orders. [`dispatch`] assigns couriers to
//! them, follows the deliveries, and sends the customer a mail with a receipt. Each service has its own database, and they know of
//! each other only by their [`event`]s.

mod background;
pub mod broker;
mod defect;
pub mod dispatch;
mod error;
pub mod event;
pub mod orders;
mod outbox;
pub mod program;

pub use crate::defect::Defect;
