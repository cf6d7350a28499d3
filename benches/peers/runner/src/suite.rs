//! Suites: the test crates that are generated, one per way of writing tests.

/// A way of writing the same tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Suite {
    Libtest,
    Itest,
    LibtestMimic,
    LibtestMimicInventory,
    TestR,
}

impl Suite {
    pub(crate) const ALL: [Self; 5] =
        [Self::Libtest, Self::Itest, Self::LibtestMimic, Self::LibtestMimicInventory, Self::TestR];

    /// The name of its generated folders, before the number of tests.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Libtest => "libtest",
            Self::Itest => "itest",
            Self::LibtestMimic => "libtest-mimic",
            Self::LibtestMimicInventory => "libtest-mimic-inventory",
            Self::TestR => "test-r",
        }
    }

    /// How the tables call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Libtest => "libtest + `#[tokio::test]`",
            Self::Itest => "itest",
            Self::LibtestMimic => "libtest-mimic, a closure per test",
            Self::LibtestMimicInventory => "libtest-mimic + inventory",
            Self::TestR => "test-r",
        }
    }

    /// The committed folder it is copied from, below the folder of the comparison.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Libtest => "suites/libtest",
            Self::Itest => "suites/itest",
            Self::LibtestMimic => "suites/libtest-mimic",
            Self::LibtestMimicInventory => "suites/libtest-mimic-inventory",
            Self::TestR => "test-r",
        }
    }

    /// The committed lock file it is built with, below the folder of the comparison.
    pub(crate) fn lock_file(self) -> &'static str {
        match self {
            Self::Libtest | Self::LibtestMimic | Self::LibtestMimicInventory => "Cargo.lock",
            // itest is measured with the versions its own workspace is tested with.
            Self::Itest => "../../Cargo.lock",
            Self::TestR => "test-r/Cargo.lock",
        }
    }
}
