//! The identity of a test suite.

/// The identity of this binary's suite. `itest::main!()` fills it in.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The package's name.
    pub package: Option<&'static str>,
    /// The test target's name.
    pub target: Option<&'static str>,
}
