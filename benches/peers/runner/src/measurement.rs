//! The kinds of measurements, and how often each is repeated.

/// A kind of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measurement {
    Run,
    Size,
    Scale,
    Start,
    Memory,
    Rebuild,
    Cold,
}

impl Measurement {
    /// Rebuilds come after all measurements that run a binary, because they change the binaries.
    pub(crate) const ALL: [Self; 7] =
        [Self::Run, Self::Size, Self::Scale, Self::Start, Self::Memory, Self::Rebuild, Self::Cold];

    /// The name for `--only`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Size => "size",
            Self::Scale => "scale",
            Self::Start => "start",
            Self::Memory => "memory",
            Self::Rebuild => "rebuild",
            Self::Cold => "cold",
        }
    }

    pub(crate) fn default_rounds(self) -> usize {
        match self {
            Self::Run | Self::Scale => 15,
            Self::Start => 50,
            Self::Rebuild | Self::Memory => 5,
            Self::Size | Self::Cold => 1,
        }
    }
}
