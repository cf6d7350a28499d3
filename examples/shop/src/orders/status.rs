//! The life cycle of an order.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The status of an order: placed, paid, shipped, delivered; or cancelled before shipping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "order_status", rename_all = "snake_case")]
pub enum OrderStatus {
    /// The stock is reserved.
    Placed,
    /// The gateway has charged the card.
    Paid,
    /// The parcel was sent.
    Shipped,
    /// The parcel has arrived.
    Delivered,
    /// The order will not be sent, and its stock is released.
    Cancelled,
}

impl OrderStatus {
    /// Whether an order of this status may become `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Placed, Self::Paid)
                | (Self::Paid, Self::Shipped)
                | (Self::Shipped, Self::Delivered)
                | (Self::Placed | Self::Paid, Self::Cancelled)
        )
    }

    /// Returns an error unless [`may_become`](Self::may_become) allows the change.
    pub(super) fn require(self, next: Self) -> Result<(), Error> {
        if self.may_become(next) { Ok(()) } else { Err(Error::IllegalTransition { from: self, to: next }) }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::OrderStatus::{self, Cancelled, Delivered, Paid, Placed, Shipped};

    #[test]
    fn only_these_transitions_are_legal() {
        const ALL: [OrderStatus; 5] = [Placed, Paid, Shipped, Delivered, Cancelled];
        let legal: Vec<_> =
            ALL.iter().flat_map(|from| ALL.map(|to| (*from, to))).filter(|(from, to)| from.may_become(*to)).collect();
        assert_eq!(
            legal,
            [(Placed, Paid), (Placed, Cancelled), (Paid, Shipped), (Paid, Cancelled), (Shipped, Delivered),]
        );
    }
}
