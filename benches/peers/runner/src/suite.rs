//! Suites: the generated test crates, one for each way to write tests.

/// A way to write the same tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Suite {
    Libtest,
    Itest,
    /// itest without its default features.
    ItestPlain,
    /// itest as a dynamic library.
    ItestDynamic,
    LibtestMimic,
    LibtestMimicInventory,
    TestR,
}

impl Suite {
    pub(crate) const ALL: [Self; 7] = [
        Self::Libtest,
        Self::Itest,
        Self::ItestPlain,
        Self::ItestDynamic,
        Self::LibtestMimic,
        Self::LibtestMimicInventory,
        Self::TestR,
    ];

    /// The name of its generated folders, before the number of tests.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Libtest => "libtest",
            Self::Itest => "itest",
            Self::ItestPlain => "itest-plain",
            Self::ItestDynamic => "itest-dynamic",
            Self::LibtestMimic => "libtest-mimic",
            Self::LibtestMimicInventory => "libtest-mimic-inventory",
            Self::TestR => "test-r",
        }
    }

    /// The name in the tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Libtest => "libtest + `#[tokio::test]`",
            Self::Itest => "itest",
            Self::ItestPlain => "itest, without default features",
            Self::ItestDynamic => "itest, with `dynamic`",
            Self::LibtestMimic => "libtest-mimic, a closure per test",
            Self::LibtestMimicInventory => "libtest-mimic + inventory",
            Self::TestR => "test-r",
        }
    }

    /// The committed template folder, relative to the folder of the comparison.
    pub(crate) fn template(self) -> &'static str {
        match self {
            Self::Libtest => "suites/libtest",
            Self::Itest => "suites/itest",
            Self::ItestPlain => "suites/itest-plain",
            Self::ItestDynamic => "suites/itest-dynamic",
            Self::LibtestMimic => "suites/libtest-mimic",
            Self::LibtestMimicInventory => "suites/libtest-mimic-inventory",
            Self::TestR => "test-r",
        }
    }

    /// The committed lock file, relative to the folder of the comparison.
    pub(crate) fn lock_file(self) -> &'static str {
        match self {
            Self::Libtest | Self::LibtestMimic | Self::LibtestMimicInventory => "Cargo.lock",
            // itest is measured with the versions its own workspace is tested with.
            Self::Itest | Self::ItestPlain | Self::ItestDynamic => "../../Cargo.lock",
            Self::TestR => "test-r/Cargo.lock",
        }
    }
}
