//! Peers: the rows of the comparison. Each is a suite and a way to run it with two workers.

use crate::suite::Suite;

/// One row of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The reference of all ratios; it cannot be skipped.
    Libtest,
    Itest,
    ItestPlain,
    ItestDynamic,
    LibtestMimic,
    LibtestMimicInventory,
    TestR,
    TestRNoCapture,
    Nextest,
}

impl Peer {
    pub(crate) const ALL: [Self; 9] = [
        Self::Libtest,
        Self::Itest,
        Self::ItestPlain,
        Self::ItestDynamic,
        Self::LibtestMimic,
        Self::LibtestMimicInventory,
        Self::TestR,
        Self::TestRNoCapture,
        Self::Nextest,
    ];

    /// The name for `--skip`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TestRNoCapture => "test-r-nocapture",
            Self::Nextest => "nextest",
            _ => self.suite().name(),
        }
    }

    /// The name in the tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::TestRNoCapture => "test-r `--nocapture`",
            Self::Nextest => "cargo-nextest, the libtest suite",
            _ => self.suite().label(),
        }
    }

    pub(crate) fn suite(self) -> Suite {
        match self {
            Self::Libtest | Self::Nextest => Suite::Libtest,
            Self::Itest => Suite::Itest,
            Self::ItestPlain => Suite::ItestPlain,
            Self::ItestDynamic => Suite::ItestDynamic,
            Self::LibtestMimic => Suite::LibtestMimic,
            Self::LibtestMimicInventory => Suite::LibtestMimicInventory,
            Self::TestR | Self::TestRNoCapture => Suite::TestR,
        }
    }

    /// The peer that represents a suite where only the suite matters.
    pub(crate) fn of(suite: Suite) -> Self {
        match suite {
            Suite::Libtest => Self::Libtest,
            Suite::Itest => Self::Itest,
            Suite::ItestPlain => Self::ItestPlain,
            Suite::ItestDynamic => Self::ItestDynamic,
            Suite::LibtestMimic => Self::LibtestMimic,
            Suite::LibtestMimicInventory => Self::LibtestMimicInventory,
            Suite::TestR => Self::TestR,
        }
    }

    /// The arguments for a run of all tests with two workers.
    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Itest | Self::ItestPlain | Self::ItestDynamic => &["--jobs", "2"],
            Self::TestRNoCapture => &["--test-threads", "2", "--nocapture"],
            _ => &["--test-threads", "2"],
        }
    }
}
