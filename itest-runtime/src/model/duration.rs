//! Durations in settings and files: their maximum, and their serialization.

use std::time::Duration;

/// The maximum duration in a setting, a record, a history or a session: 10 years. The limit prevents overflows when durations are added
/// to each other or to a time.
pub(crate) const MAX_DURATION: Duration = Duration::from_hours(10 * 365 * 24);

/// A length of time in its largest units: `1h 30m`, `10m`, `2s 500ms`. Settings are read from such a text.
#[must_use]
pub fn duration_in_words(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Serializes a duration as whole microseconds. A duration above [`MAX_DURATION`] is read as [`MAX_DURATION`].
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

/// Serializes an optional duration as whole microseconds.
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

/// Reads a duration in serde's own form. A duration above [`MAX_DURATION`] is read as [`MAX_DURATION`].
pub(crate) fn bounded<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    serde::Deserialize::deserialize(from).map(|duration: Duration| duration.min(MAX_DURATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_maximum_duration_do_not_overflow() {
        let now = std::time::Instant::now();
        assert!(now.checked_add(MAX_DURATION * 10).is_some());
        assert!(std::time::SystemTime::now().checked_add(MAX_DURATION * 10).is_some());
        assert!(u64::try_from(MAX_DURATION.as_nanos() * 10).is_ok(), "workers report nanoseconds as `u64`");
    }
}
