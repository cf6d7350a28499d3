//! The runtime of `itest`: registry, scheduling, processes, teardown, reports.
//!
//! Use it through the `itest` crate, which re-exports what tests need. The rooms and the rules between them are described
//! in `ARCHITECTURE.md`.

#![deny(unsafe_code)]

mod cli;
mod detect;
mod engine;
mod fixtures;
#[cfg(feature = "history")]
mod history;
mod inject;
mod model;
mod plan;
mod process;
mod report;
mod session;

pub use fixtures::{Process, TempDir, TestRng};
pub use inject::{
    Durable, Error, Eventually, Fixture, NotYet, Portable, Teardown, TestInfo, allow_background_panics, eventually,
};
pub use model::{Outcome, Phase, Seed, SourceLocation, TestId, WorkerId};

/// A test's or a fixture's result: any error becomes an [`Error`] with `?`.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// What the macros' expansions name, and nobody else: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use std::boxed::Box;
    pub use std::option::Option;
    pub use std::time::Duration;

    pub use inventory;

    pub use crate::cli::{Identity, main, variable};
    pub use crate::inject::{
        ByValue, Conclude, DependentScope, Fixture, FixtureDescriptor, FixtureReturn, FixtureVariables, FunctionKind,
        Inputs, LivesAsLongAs, LocalFuture, Parameter, ReturnValue, SessionScope, TeardownEntry, TestEntry, TestScope,
        ValueCodec, WorkerScope, background, call_with, enter_phase, erased_value, jobs, skip, tasks_of_tests,
        unavailable, without_crate,
    };
    pub use crate::model::{CaseMeta, Phase, Problem, Remark, TestRuntime, redact_json, redacted, redacted_value};
    pub use crate::report::quote;
}
