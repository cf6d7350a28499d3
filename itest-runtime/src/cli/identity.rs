//! The identity of a test suite.

use std::sync::OnceLock;

/// The identity of this binary's suite. `itest::main!()` fills it in.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The package's name.
    pub package: Option<&'static str>,
    /// The test target's name.
    pub target: Option<&'static str>,
}

/// The suite of this process.
static SUITE: OnceLock<Identity> = OnceLock::new();

impl Identity {
    /// The command that starts this suite, without arguments.
    #[must_use]
    pub fn program(self) -> String {
        match self {
            Self { package: Some(package), target: Some(target) } => {
                format!("cargo test -p {package} --test {target} --")
            }
            _ => std::env::args().next().unwrap_or_else(|| "the test binary".to_owned()),
        }
    }

    /// Makes this suite the one of the process. Only the first call has an effect, because a process has one suite.
    pub(super) fn make_current(self) {
        let _ = SUITE.set(self);
    }
}

/// The suite of this process. Its names are unknown in a process that `itest::main!()` has not started.
#[must_use]
pub fn suite() -> Identity {
    SUITE.get().copied().unwrap_or(Identity { package: None, target: None })
}
