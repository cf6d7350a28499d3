//! The runtime of `itest`: registry, scheduling, processes, teardown, reports.
//!
//! Use it through the `itest` crate, which re-exports the public items. `ARCHITECTURE.md` describes the modules and which
//! module may import which.

#![deny(unsafe_code)]

mod cli;
#[cfg(feature = "coverage")]
mod coverage;
mod detect;
mod engine;
mod faults;
mod fixtures;
#[cfg(feature = "history")]
mod history;
mod inject;
mod model;
mod plan;
mod process;
mod report;
mod session;

#[cfg(feature = "tracing")]
pub use fixtures::{LogRecords, Logs};
pub use fixtures::{Program, ProgramOutput, ProgramPorts, Ready, RunningProgram, TempDir, TestRng};
pub use inject::{
    CaseFile, ConcurrentCall, ConcurrentCalls, Durable, Error, Eventually, Fixture, NotYet, Portable, Teardown,
    TestInfo, allow_background_panics, concurrently, eventually,
};
pub use model::{
    ConnectionFault, Fault, Outcome, ParseConnectionFaultError, ParseFaultError, ParseSqlStateError, Phase, Seed,
    SourceLocation, SqlState, TestId, WorkerId,
};
#[cfg(feature = "tracing")]
pub use model::{Level, LogRecord};

/// The result of a test or a fixture. The `?` operator converts any error into an [`Error`].
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// The items that the expansions of itest's macros use. They are not part of the public API and change without notice.
#[doc(hidden)]
pub mod __private {
    pub use std::boxed::Box;
    pub use std::option::Option;
    pub use std::time::Duration;

    pub use inventory;

    pub use crate::cli::{Identity, main, parse_duration, settings_reference, suite, variable};
    pub use crate::fixtures::answers_get;
    pub use crate::inject::{
        BoxedFuture, ByValue, CaseSource, CaseValues, Conclude, DependentScope, FilePatterns, Fixture,
        FixtureDescriptor, FixtureReturn, FixtureSetting, FromCaseFile, Function, FunctionKind, Inputs, IntoCases,
        InvariantEntry, LivesAsLongAs, LocalFuture, Parameter, ReturnType, RunTimeCases, RunningAttempt, SessionScope,
        SettingShape, SetupOf, SuitePoints, TeardownEntry, TestEntry, TestScope, ValueCodec, WorkerScope, background,
        call_with, case_names, concluded, enter_phase, jobs, running_attempt, skip, tasks_of_tests, timeout,
        unavailable, without_crate,
    };
    pub use crate::model::{
        CallKind, CaseMeta, ContractViolation, Exchange, ExchangeDirection, Phase, Problem, Remark, TestRuntime,
        duration_in_words, redact_json, redacted, redacted_parameter, redacted_value,
    };
    pub use crate::report::quote;
    pub use crate::session::{AfterKill, KeptService, keep_services};
}
