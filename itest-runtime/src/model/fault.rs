//! Faults: what can go wrong between the code under test and a service, as values.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration::duration_in_words;
use super::sql_state::SqlState;

/// Something that goes wrong with a request, or with a statement.
///
/// A fault is plain data. As text it is what `Display` writes and `FromStr` reads: `timeout`, `reset-before`, `status-503`, `latency-200ms`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use itest::Fault;
///
/// assert_eq!(Fault::Status(503).to_string(), "status-503");
/// assert_eq!("latency-200ms".parse(), Ok(Fault::Latency(Duration::from_millis(200))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub enum Fault {
    /// The service answers, but later by this time.
    Latency(Duration),
    /// The service never answers. It does not process the request.
    Timeout,
    /// The connection is reset before the service processes the request.
    ResetBefore,
    /// The service processes the request, and the connection is reset in the middle of the response.
    ResetDuring,
    /// The service processes the request and answers; then the connection is reset. As with any reset, a client may lose the part of a large
    /// response that its system has not received yet.
    ResetAfter,
    /// The service processes the request, and the connection is reset after this many bytes of the response, its head included.
    Cut(u64),
    /// The service answers with this status and a short text, and does not process the request.
    Status(u16),
    /// The service answers with the status 429 and the header `Retry-After`, in whole seconds, and does not process the request.
    RateLimited(Duration),
    /// The service processes the request and answers with a body that is not what its content type says.
    Malformed,
    /// The service processes the request and answers with the JSON `{}`, which is well-formed and has nothing of what the client expects.
    EmptyObject,
    /// The database fails the statement with this error, as it does for a serialization failure, and does not execute it.
    SqlState(SqlState),
    /// The message is delivered twice, as by every broker that promises to deliver a message at least once.
    Duplicate,
}

impl Fault {
    /// Whether the service processes the request in spite of the fault.
    #[must_use]
    pub fn is_processed(self) -> bool {
        match self {
            Self::Latency(_)
            | Self::ResetDuring
            | Self::ResetAfter
            | Self::Cut(_)
            | Self::Malformed
            | Self::EmptyObject
            | Self::Duplicate => true,
            Self::Timeout | Self::ResetBefore | Self::Status(_) | Self::RateLimited(_) | Self::SqlState(_) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(delay) => write!(formatter, "latency-{}", in_words(*delay)),
            Self::Timeout => formatter.write_str("timeout"),
            Self::ResetBefore => formatter.write_str("reset-before"),
            Self::ResetDuring => formatter.write_str("reset-during"),
            Self::ResetAfter => formatter.write_str("reset-after"),
            Self::Cut(bytes) => write!(formatter, "cut-{bytes}"),
            Self::Status(status) => write!(formatter, "status-{status}"),
            Self::RateLimited(pause) => write!(formatter, "rate-limited-{}", in_words(*pause)),
            Self::Malformed => formatter.write_str("malformed"),
            Self::EmptyObject => formatter.write_str("empty-object"),
            Self::SqlState(code) => write!(formatter, "sqlstate-{code}"),
            Self::Duplicate => formatter.write_str("duplicate"),
        }
    }
}

/// A duration without spaces: `1s200ms`.
fn in_words(duration: Duration) -> String {
    duration_in_words(duration).replace(' ', "")
}

/// A text that is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no fault; faults are timeout, reset-before, reset-during, reset-after, malformed, empty-object, duplicate, status-503, sqlstate-40001, cut-100, latency-200ms and rate-limited-2s"
)]
pub struct ParseFaultError {
    text: String,
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let duration = |text: &str| humantime::parse_duration(text).ok();
        let with_value = |(name, value): (&str, &str)| match name {
            "latency" => duration(value).map(Self::Latency),
            "rate-limited" => duration(value).map(Self::RateLimited),
            "cut" => value.parse().ok().map(Self::Cut),
            "sqlstate" => value.parse().ok().map(Self::SqlState),
            "status" => value.parse().ok().filter(|status| (100..1000).contains(status)).map(Self::Status),
            _ => None,
        };
        match text {
            "timeout" => Some(Self::Timeout),
            "reset-before" => Some(Self::ResetBefore),
            "reset-during" => Some(Self::ResetDuring),
            "reset-after" => Some(Self::ResetAfter),
            "malformed" => Some(Self::Malformed),
            "empty-object" => Some(Self::EmptyObject),
            "duplicate" => Some(Self::Duplicate),
            _ => text.rsplit_once('-').and_then(with_value),
        }
        .ok_or_else(|| ParseFaultError { text: text.to_owned() })
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

impl TryFrom<String> for Fault {
    type Error = ParseFaultError;

    fn try_from(text: String) -> Result<Self, ParseFaultError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_fault() -> impl Strategy<Value = Fault> {
        let duration = || (0..10_000_000_u64).prop_map(Duration::from_millis);
        prop_oneof![
            Just(Fault::Timeout),
            Just(Fault::ResetBefore),
            Just(Fault::ResetDuring),
            Just(Fault::ResetAfter),
            Just(Fault::Malformed),
            Just(Fault::EmptyObject),
            Just(Fault::Duplicate),
            any::<u64>().prop_map(Fault::Cut),
            (100..1000_u16).prop_map(Fault::Status),
            "[0-9A-Z]{5}".prop_map(|code| Fault::SqlState(code.parse().unwrap())),
            duration().prop_map(Fault::Latency),
            duration().prop_map(Fault::RateLimited),
        ]
    }

    proptest! {
        #[test]
        fn fault_survives_its_text_and_json(fault in any_fault()) {
            prop_assert_eq!(fault.to_string().parse(), Ok(fault));
            let json = serde_json::to_string(&fault).unwrap();
            prop_assert_eq!(serde_json::from_str::<Fault>(&json).unwrap(), fault);
        }

        #[test]
        fn text_that_is_no_fault_is_refused_in_words(text in "[a-z0-9-]{0,12}") {
            if let Err(error) = text.parse::<Fault>() {
                prop_assert!(error.to_string().contains("faults are timeout"), "{error}");
            }
        }
    }
}
