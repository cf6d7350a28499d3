//! Faults of a connection, as values.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Something that goes wrong with a connection, whatever is sent over it.
///
/// A fault is plain data. As text it is what `Display` writes and `FromStr` reads: `half-open`, `slow-20ms`, `cut-100`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use itest::ConnectionFault;
///
/// assert_eq!(ConnectionFault::HalfOpen.to_string(), "half-open");
/// assert_eq!("slow-20ms".parse(), Ok(ConnectionFault::Slow(Duration::from_millis(20))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum ConnectionFault {
    /// The connection is accepted and reset at once.
    ResetOnConnect,
    /// The connection is accepted, and no byte ever passes: the service is gone, and nothing says so.
    HalfOpen,
    /// Each part of what the service sends arrives later by this time.
    Slow(Duration),
    /// No more than this number of bytes passes in each second, in each direction.
    Throttled(u32),
    /// The connection is reset after the service has sent this many bytes.
    Cut(u64),
}

impl fmt::Display for ConnectionFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResetOnConnect => formatter.write_str("reset-on-connect"),
            Self::HalfOpen => formatter.write_str("half-open"),
            Self::Slow(delay) => {
                write!(formatter, "slow-{}", humantime::format_duration(*delay).to_string().replace(' ', ""))
            }
            Self::Throttled(bytes) => write!(formatter, "throttled-{bytes}"),
            Self::Cut(bytes) => write!(formatter, "cut-{bytes}"),
        }
    }
}

/// A text that is no fault of a connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no fault of a connection; faults are reset-on-connect, half-open, slow-20ms, throttled-1000 and cut-100"
)]
pub struct ParseConnectionFaultError {
    text: String,
}

impl FromStr for ConnectionFault {
    type Err = ParseConnectionFaultError;

    fn from_str(text: &str) -> Result<Self, ParseConnectionFaultError> {
        let with_value = |(name, value): (&str, &str)| match name {
            "slow" => humantime::parse_duration(value).ok().map(Self::Slow),
            "throttled" => value.parse().ok().filter(|bytes| *bytes > 0).map(Self::Throttled),
            "cut" => value.parse().ok().map(Self::Cut),
            _ => None,
        };
        match text {
            "reset-on-connect" => Some(Self::ResetOnConnect),
            "half-open" => Some(Self::HalfOpen),
            _ => text.rsplit_once('-').and_then(with_value),
        }
        .ok_or_else(|| ParseConnectionFaultError { text: text.to_owned() })
    }
}

impl From<ConnectionFault> for String {
    fn from(fault: ConnectionFault) -> Self {
        fault.to_string()
    }
}

impl TryFrom<String> for ConnectionFault {
    type Error = ParseConnectionFaultError;

    fn try_from(text: String) -> Result<Self, ParseConnectionFaultError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_fault() -> impl Strategy<Value = ConnectionFault> {
        prop_oneof![
            Just(ConnectionFault::ResetOnConnect),
            Just(ConnectionFault::HalfOpen),
            (0..10_000_000_u64).prop_map(|millis| ConnectionFault::Slow(Duration::from_millis(millis))),
            (1..u32::MAX).prop_map(ConnectionFault::Throttled),
            any::<u64>().prop_map(ConnectionFault::Cut),
        ]
    }

    proptest! {
        #[test]
        fn fault_of_a_connection_survives_its_text_and_json(fault in any_fault()) {
            prop_assert_eq!(fault.to_string().parse(), Ok(fault));
            let json = serde_json::to_string(&fault).unwrap();
            prop_assert_eq!(serde_json::from_str::<ConnectionFault>(&json).unwrap(), fault);
        }

        #[test]
        fn text_that_is_no_fault_of_a_connection_is_refused(text in "[a-z0-9-]{0,12}") {
            if let Err(error) = text.parse::<ConnectionFault>() {
                prop_assert!(error.to_string().contains("faults are reset-on-connect"), "{error}");
            }
        }
    }
}
