//! Exchanges: what the code under test and the services around it said to each other.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::contract_violation::ContractViolation;
use super::duration::micros;
use super::outcome::Phase;

/// The most exchanges that are kept of a test: the last ones, because they are the closest to a failure.
pub(crate) const MAX_EXCHANGES: usize = 100;

/// The direction of a request, seen from the code under test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeDirection {
    /// The code under test has sent the request.
    #[default]
    Outbound,
    /// The code under test has received the request.
    Inbound,
}

impl ExchangeDirection {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_outbound(&self) -> bool {
        *self == Self::Outbound
    }
}

/// A request and its response, as an endpoint of the test saw them. Reports show the last ones of a failed test, and the record keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The time from the beginning of the attempt to the request.
    #[serde(rename = "at_us", with = "micros")]
    pub at: Duration,
    /// The time from the request until its response was known.
    #[serde(rename = "elapsed_us", with = "micros")]
    pub elapsed: Duration,
    /// The phase in which the request arrived.
    pub phase: Phase,
    /// The name of the party that sent the request: `test`. None if the endpoint does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The name of the service that the request was sent to.
    pub to: String,
    /// Whether the code under test has sent or received the request.
    #[serde(default, skip_serializing_if = "ExchangeDirection::is_outbound")]
    pub direction: ExchangeDirection,
    /// What was requested: `POST /charge`.
    pub operation: String,
    /// The status of the response, even if a fault cut it off: `503`. None if there was no response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The number of bytes in the request's body.
    #[serde(default)]
    pub request_bytes: u64,
    /// The number of bytes in the response's body.
    #[serde(default)]
    pub response_bytes: u64,
    /// The beginning of the request's body without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// The beginning of the response's body without secrets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub response: String,
    /// The fault that was injected. It is a text, so that this version can read a record with a fault that it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What a reader should know about the exchange: `no stub matches`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Where the exchange breaks the contract of the service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<ContractViolation>,
}

impl Exchange {
    /// Creates an exchange that has no response yet.
    #[must_use]
    pub fn new(to: impl Into<String>, operation: impl Into<String>, phase: Phase) -> Self {
        Self {
            at: Duration::ZERO,
            elapsed: Duration::ZERO,
            phase,
            from: None,
            to: to.into(),
            direction: ExchangeDirection::Outbound,
            operation: operation.into(),
            status: None,
            request_bytes: 0,
            response_bytes: 0,
            request: String::new(),
            response: String::new(),
            fault: None,
            remark: None,
            violations: Vec::new(),
        }
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "+{}ms ", self.at.as_millis())?;
        if let Some(from) = &self.from {
            write!(formatter, "{from} → ")?;
        }
        write!(formatter, "{} {}", self.to, self.operation)?;
        match &self.status {
            Some(status) => write!(formatter, " {status}")?,
            None => formatter.write_str(" without a response")?,
        }
        // A message has no response, so it takes no time.
        if !self.elapsed.is_zero() {
            write!(formatter, " after {:.1?}", self.elapsed)?;
        }
        if let Some(fault) = &self.fault {
            write!(formatter, ", fault {fault}")?;
        }
        if let Some(remark) = &self.remark {
            write!(formatter, ", {remark}")?;
        }
        if self.violations.is_empty() { Ok(()) } else { formatter.write_str(", breaks the contract") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_names_its_sender_if_it_is_known() {
        let exchange = Exchange {
            at: Duration::from_millis(14),
            elapsed: Duration::from_millis(2),
            status: Some("503".to_owned()),
            fault: Some("status-503".to_owned()),
            ..Exchange::new("payments", "POST /charge", Phase::Act)
        };
        assert_eq!(exchange.to_string(), "+14ms payments POST /charge 503 after 2.0ms, fault status-503");
        let exchange = Exchange { from: Some("shop".to_owned()), ..exchange };
        assert_eq!(exchange.to_string(), "+14ms shop → payments POST /charge 503 after 2.0ms, fault status-503");
    }
}
