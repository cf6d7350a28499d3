//! Floor 0: the plain data every other room speaks in.

mod case;
mod config;
mod error;
mod event;
mod id;
mod outcome;

pub use case::{Case, CaseMeta, Lock, LockMode, SourceLocation};
pub use config::{
    Capture, Color, Format, Isolation, Limits, NoTests, Order, Require, RunConfig, Selection,
    ShowOutput, WorkerConfig,
};
pub use error::{ExitStatus, HarnessError, UsageError};
pub use event::{Event, Running, Summary, Timing};
pub use id::{CaseIndex, Seed, TestId, WorkerId};
pub use outcome::{
    AttemptReport, CaseReport, Failure, Outcome, Output, Phase, PhaseTime, Problem,
};
