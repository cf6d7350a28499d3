//! Durations that come from outside: the longest one that is allowed, and how they are written and read.

use std::time::Duration;

/// The longest duration that a setting, a record, a history or a session may have: 10 years. No sum of such durations with a moment or
/// with each other overflows.
pub(crate) const MAX_DURATION: Duration = Duration::from_hours(10 * 365 * 24);

/// A duration as whole microseconds. A longer one than is allowed is read as the longest.
pub(crate) mod micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::MAX_DURATION;

    pub(crate) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(|micros| Duration::from_micros(micros).min(MAX_DURATION))
    }
}

/// A duration as whole microseconds, or nothing.
pub(crate) mod optional_micros {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Micros(#[serde(with = "super::micros")] Duration);

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        value.map(Micros).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Micros>::deserialize(from)?.map(|Micros(duration)| duration))
    }
}

/// A duration in serde's own form. A longer one than is allowed is read as the longest.
pub(crate) fn bounded<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    serde::Deserialize::deserialize(from).map(|duration: Duration| duration.min(MAX_DURATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_duration_can_be_added_to_a_moment_many_times() {
        let now = std::time::Instant::now();
        assert!(now.checked_add(MAX_DURATION * 10).is_some());
        assert!(std::time::SystemTime::now().checked_add(MAX_DURATION * 10).is_some());
        assert!(u64::try_from(MAX_DURATION.as_nanos() * 10).is_ok(), "it fits into the positions that workers report");
    }
}
