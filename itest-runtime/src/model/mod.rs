//! Floor 0: the plain data every other room speaks in.

mod case;
mod config;
mod error;
mod event;
mod id;
mod outcome;

pub use case::{CaseMeta, SourceLocation};
pub use id::{Seed, TestId, WorkerId};
pub use outcome::{Outcome, Phase, Problem};

pub(crate) use case::{Case, Lock, LockMode};
pub(crate) use config::{
    Capture, Color, Format, Isolation, Limits, NoTests, Order, Require, RunConfig, Selection, ShowOutput, WorkerConfig,
};
pub(crate) use error::{ExitStatus, HarnessError, UsageError};
pub(crate) use event::{Event, Running, Summary, Timing};
pub(crate) use id::CaseIndex;
pub(crate) use outcome::{AttemptReport, CaseReport, Failure, Output, PhaseTime};
