//! The direction of a message.

use std::fmt;

use itest_runtime::__private::redacted;

/// The direction of a message on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From a client to the broker.
    Publication,
    /// From the broker to a client.
    Delivery,
}

impl Direction {
    /// A message in this direction, in one line and without secrets: `PUBLISH order.paid`.
    pub(super) fn operation(self, topic: &str) -> String {
        let verb = match self {
            Self::Publication => "PUBLISH",
            Self::Delivery => "DELIVER",
        };
        format!("{verb} {}", redacted(topic))
    }

    /// The status of a message that passed, in reports.
    pub(super) fn done(self) -> &'static str {
        match self {
            Self::Publication => "sent",
            Self::Delivery => "delivered",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publication => "publications",
            Self::Delivery => "deliveries",
        })
    }
}
