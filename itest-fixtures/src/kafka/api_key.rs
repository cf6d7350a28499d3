//! The requests of Kafka that itest uses, and their versions.

use std::fmt;

/// A kind of request. Each has one version, which Kafka supports since 2.0 and still in 4.x, and whose fields have no tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ApiKey {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    OffsetFetch,
    FindCoordinator,
    DescribeGroups,
    ListGroups,
    SaslHandshake,
    ApiVersions,
    CreateTopics,
    DeleteTopics,
    SaslAuthenticate,
    DeleteGroups,
}

impl ApiKey {
    /// The number of the request in the protocol.
    pub(super) fn key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::ListOffsets => 2,
            Self::Metadata => 3,
            Self::OffsetFetch => 9,
            Self::FindCoordinator => 10,
            Self::DescribeGroups => 15,
            Self::ListGroups => 16,
            Self::SaslHandshake => 17,
            Self::ApiVersions => 18,
            Self::CreateTopics => 19,
            Self::DeleteTopics => 20,
            Self::SaslAuthenticate => 36,
            Self::DeleteGroups => 42,
        }
    }

    /// The version that itest uses.
    pub(super) fn version(self) -> i16 {
        match self {
            Self::ApiVersions | Self::SaslAuthenticate => 0,
            Self::ListOffsets
            | Self::FindCoordinator
            | Self::DescribeGroups
            | Self::ListGroups
            | Self::SaslHandshake
            | Self::DeleteTopics
            | Self::DeleteGroups => 1,
            Self::OffsetFetch => 2,
            Self::Produce => 3,
            Self::Fetch | Self::Metadata | Self::CreateTopics => 4,
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}
