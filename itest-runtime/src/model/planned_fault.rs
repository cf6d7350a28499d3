//! A fault that is injected into one call of a test: which call, and which fault.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::connection_fault::ConnectionFault;
use super::fault::Fault;

/// What the code under test does when it calls a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallKind {
    /// It sends a request to a stand-in.
    Request,
    /// It has a database execute a statement.
    Statement,
    /// It publishes a message.
    Publication,
    /// It sends a mail.
    Delivery,
    /// It connects to a service.
    Connection,
}

/// A call of the code under test, as text: `payments POST /charge #2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Call {
    /// The service and the operation: `payments POST /charge`.
    pub target: String,
    /// The position among the calls of the test with the same target, counted from 1.
    pub number: u32,
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} #{}", self.target, self.number)
    }
}

/// A fault of a call: of what is said, or of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallFault {
    /// A fault of a request or a statement.
    Exchange(Fault),
    /// A fault of a connection.
    Connection(ConnectionFault),
}

impl fmt::Display for CallFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(fault) => fault.fmt(formatter),
            Self::Connection(fault) => fault.fmt(formatter),
        }
    }
}

/// The operation of a call that is a connection.
pub(crate) const CONNECTION: &str = "connection";

/// A fault, and the call that gets it. As text: `payments POST /charge #2 = reset-before`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct PlannedFault {
    pub call: Call,
    pub fault: CallFault,
}

impl fmt::Display for PlannedFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} = {}", self.call, self.fault)
    }
}

/// The reason why a text is no planned fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParsePlannedFaultError {
    /// The text does not have the form of a planned fault.
    #[error("{text:?} is no call with a fault; it looks like \"payments POST /charge #2 = reset-before\"")]
    Form { text: String },
    /// The fault is unknown, or does not apply to the call.
    #[error("{reason}")]
    Fault { reason: String },
}

impl FromStr for Call {
    type Err = ParsePlannedFaultError;

    fn from_str(text: &str) -> Result<Self, ParsePlannedFaultError> {
        let form = || ParsePlannedFaultError::Form { text: text.to_owned() };
        // Without a number, the first call is meant.
        let (target, number) = match text.trim().rsplit_once(" #") {
            Some((target, number)) => (target, number.parse().ok().filter(|number| *number > 0).ok_or_else(form)?),
            None => (text, 1),
        };
        let target = target.trim();
        if !target.contains(' ') {
            return Err(form());
        }
        Ok(Self { target: target.to_owned(), number })
    }
}

impl FromStr for PlannedFault {
    type Err = ParsePlannedFaultError;

    fn from_str(text: &str) -> Result<Self, ParsePlannedFaultError> {
        let form = || ParsePlannedFaultError::Form { text: text.to_owned() };
        let (call, fault) = text.rsplit_once(" = ").ok_or_else(form)?;
        let call: Call = call.parse().map_err(|_| form())?;
        let fault = fault.trim();
        let is_connection = call.target.split_once(' ').is_some_and(|(_, operation)| operation == CONNECTION);
        let parsed = if is_connection {
            fault.parse().map(CallFault::Connection).map_err(|error| error.to_string())
        } else {
            fault.parse().map(CallFault::Exchange).map_err(|error| error.to_string())
        };
        Ok(Self { call, fault: parsed.map_err(|reason| ParsePlannedFaultError::Fault { reason })? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn planned_fault_survives_its_text_and_json() {
        for text in [
            "payments POST /charge #2 = reset-before",
            "my api GET /a = b #1 = status-503",
            "postgres UPDATE account SET balance = balance - $1 WHERE id = 1 #3 = sqlstate-40001",
            "postgres connection #2 = half-open",
            "postgres SELECT 1 AS connection #1 = timeout",
        ] {
            let fault: PlannedFault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
            let json = serde_json::to_string(&fault).unwrap();
            assert_eq!(serde_json::from_str::<PlannedFault>(&json).unwrap(), fault);
        }
    }

    #[test]
    fn call_without_a_number_is_the_first_one() {
        let fault: PlannedFault = "payments POST /charge = latency-200ms".parse().unwrap();
        assert_eq!(fault.call, Call { target: "payments POST /charge".to_owned(), number: 1 });
        assert_eq!(fault.fault, CallFault::Exchange(Fault::Latency(Duration::from_millis(200))));
    }

    #[test]
    fn text_that_is_no_planned_fault_is_refused_in_words() {
        for text in ["", "timeout", "payments = timeout", "payments POST /charge", "payments POST /charge #0 = timeout"]
        {
            let error = text.parse::<PlannedFault>().unwrap_err().to_string();
            assert!(error.contains("is no call with a fault"), "{error}");
        }
        for (text, expected) in [
            ("payments POST /charge = half-open", "faults are timeout"),
            ("postgres connection #1 = timeout", "faults are reset-on-connect"),
        ] {
            let error = text.parse::<PlannedFault>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
