//! Orders and their statuses.

use serde::{Deserialize, Serialize};

/// How far an order is. The order of the variants is that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// The customer has placed the order, and not paid for it.
    Placed,
    /// The customer has paid.
    Paid,
    /// A courier was assigned.
    Assigned,
    /// The courier is on the way.
    Started,
    /// The customer has the order.
    Delivered,
    /// The customer has cancelled the order before paying for it.
    Cancelled,
}

/// An order, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Order {
    /// The number of the order.
    pub id: i64,
    /// The customer's mail address.
    pub customer: String,
    /// The place to which the order is delivered.
    pub address: String,
    /// The price.
    pub amount_cents: i64,
    /// How far the order is.
    pub status: Status,
    /// The name of the courier, once there is one.
    pub courier: Option<String>,
}
