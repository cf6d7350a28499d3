//! The events that the services publish, and their JSON.

use serde::{Deserialize, Serialize};

/// What has happened, as the other service needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The customer has paid an order, so it may be delivered.
    #[serde(rename = "order.paid")]
    OrderPaid {
        /// The number of the order.
        order: i64,
        /// The customer's mail address.
        customer: String,
        /// The place to which the order is delivered.
        address: String,
    },
    /// A courier was assigned to an order.
    #[serde(rename = "delivery.assigned")]
    DeliveryAssigned {
        /// The number of the order.
        order: i64,
        /// The name of the courier.
        courier: String,
    },
    /// The courier is on the way.
    #[serde(rename = "delivery.started")]
    DeliveryStarted {
        /// The number of the order.
        order: i64,
    },
    /// The customer has the order.
    #[serde(rename = "delivery.delivered")]
    Delivered {
        /// The number of the order.
        order: i64,
    },
}

impl Event {
    /// The routing key of the event.
    #[must_use]
    pub fn topic(&self) -> &'static str {
        match self {
            Self::OrderPaid { .. } => "order.paid",
            Self::DeliveryAssigned { .. } => "delivery.assigned",
            Self::DeliveryStarted { .. } => "delivery.started",
            Self::Delivered { .. } => "delivery.delivered",
        }
    }
}

/// An event and its id. A broker may deliver an event twice; both deliveries have the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The id, such as `orders-7`.
    pub id: String,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}
