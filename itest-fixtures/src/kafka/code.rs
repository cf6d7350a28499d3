//! The error codes of Kafka's protocol.

use std::fmt;

/// An error code in a response of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ErrorCode(pub(super) i16);

impl ErrorCode {
    pub(super) const NONE: Self = Self(0);
    pub(super) const OFFSET_OUT_OF_RANGE: Self = Self(1);
    pub(super) const UNKNOWN_TOPIC_OR_PARTITION: Self = Self(3);
    pub(super) const UNSUPPORTED_SASL_MECHANISM: Self = Self(33);
    pub(super) const TOPIC_ALREADY_EXISTS: Self = Self(36);
    pub(super) const NON_EMPTY_GROUP: Self = Self(68);
    pub(super) const GROUP_ID_NOT_FOUND: Self = Self(69);

    /// Whether the same request may succeed soon, for example when the cluster has chosen another leader.
    pub(super) fn is_temporary(self) -> bool {
        // Unknown topic, leader not available, not the leader, coordinator loading, coordinator not available, not the coordinator, not the
        // controller, the log is being moved.
        matches!(self.0, 3 | 5 | 6 | 14 | 15 | 16 | 41 | 56 | 74 | 75)
    }

    /// The code as a result.
    pub(super) fn check(self) -> Result<(), Self> {
        if self == Self::NONE { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            1 => "the offset is out of range",
            3 => "there is no such topic or partition",
            5 => "the partition has no leader at the moment",
            6 => "the broker is not the leader of the partition",
            10 => "the record is too large for the broker (message.max.bytes)",
            14..=16 => "the coordinator of the group is not available",
            17 => "the name of the topic is not valid",
            19 | 20 => "the broker has too few replicas in sync (min.insync.replicas)",
            29 => "the user may not use this topic",
            30 => "the user may not use this group",
            31 => "the user may not do this on the cluster",
            33 => "the broker does not support SASL/PLAIN",
            35 => "the broker does not support this version of the request",
            36 => "the topic exists already",
            37 => "the number of partitions is not valid",
            38 => "the replication factor is larger than the number of brokers",
            41 => "the broker is not the controller of the cluster",
            44 => "a policy of the cluster forbids it",
            58 => "user or password is wrong",
            68 => "the group still has members",
            69 => "there is no such group",
            73 => "the cluster does not allow the deletion of topics (delete.topic.enable)",
            87 => "the broker does not accept the record",
            other => return write!(formatter, "the broker answers with error code {other}"),
        };
        write!(formatter, "{text} (error code {})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_code_has_a_text_and_an_unknown_code_its_number() {
        assert_eq!(ErrorCode(36).to_string(), "the topic exists already (error code 36)");
        assert_eq!(ErrorCode(99).to_string(), "the broker answers with error code 99");
        assert!(ErrorCode(6).is_temporary() && !ErrorCode(29).is_temporary());
    }
}
