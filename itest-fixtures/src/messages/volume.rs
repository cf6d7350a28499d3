//! How many messages of one test are recorded.

/// The most messages of a test that are recorded in each direction.
const MAX_MESSAGES: usize = 100_000;

/// The most bytes of their bodies.
const MAX_MEBIBYTES: usize = 256;

/// The messages of one direction, counted.
#[derive(Debug, Default)]
pub(super) struct Volume {
    messages: usize,
    bytes: usize,
}

/// Whether a message is recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Recorded,
    /// It is the first one above a limit.
    FirstExcess,
    Excess,
}

impl Volume {
    /// Counts a message with a body of this length.
    pub(super) fn admit(&mut self, body_bytes: usize) -> Admission {
        let was_full = self.is_exceeded();
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(body_bytes);
        match (was_full, self.is_exceeded()) {
            (_, false) => Admission::Recorded,
            (false, true) => Admission::FirstExcess,
            (true, true) => Admission::Excess,
        }
    }

    fn is_exceeded(&self) -> bool {
        self.messages > MAX_MESSAGES || self.bytes > MAX_MEBIBYTES << 20
    }
}

/// The failure of a test with more messages than are recorded. `direction` says what happened to them.
pub(super) fn excess(broker: &str, direction: &str) -> String {
    format!(
        "more than {MAX_MESSAGES} messages or {MAX_MEBIBYTES} MiB of {broker} were {direction}, which is the most that itest records of a test, so it cannot \
         check the others; if the test needs no check, call `lenient()`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_limited_by_number_and_by_size() {
        let mut many = Volume::default();
        assert!((0..MAX_MESSAGES).all(|_| many.admit(0) == Admission::Recorded));
        assert_eq!(many.admit(0), Admission::FirstExcess);
        assert_eq!(many.admit(0), Admission::Excess);

        let mut large = Volume::default();
        assert_eq!(large.admit(MAX_MEBIBYTES << 20), Admission::Recorded);
        assert_eq!(large.admit(1), Admission::FirstExcess);
        assert_eq!(large.admit(usize::MAX), Admission::Excess);
    }
}
