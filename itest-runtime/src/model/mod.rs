//! Floor 0: the plain data every other room speaks in.

mod case;
mod config;
mod date;
mod error;
mod event;
mod facts;
mod id;
mod ledger;
mod outcome;
mod quarantine;
mod script;
mod secret;
mod session;
mod shard;
mod verdict;
mod worker;

pub use case::{CaseMeta, SourceLocation};
pub use id::{Seed, TestId, WorkerId};
pub use outcome::{Outcome, Phase, Problem};

pub(crate) use case::{Case, Lock, LockMode, Turn};
pub(crate) use config::{
    Annotations, Budget, Capture, Color, Failed, FlakyResult, Format, Isolation, Leaks, Limits, NextestRun, NoTests,
    Order, Recall, Repeats, Require, RetryOn, RunConfig, Selection, SessionSettings, ShowOutput, Until,
};
pub(crate) use date::Date;
pub(crate) use error::{ExitStatus, HarnessError, UsageError};
pub(crate) use event::{Event, Running, Summary, Timing};
pub(crate) use facts::Facts;
pub(crate) use id::{CaseIndex, mix};
pub(crate) use ledger::{LEDGER_VERSION, LedgerLine, Outstanding, Taken, read_ledger};
pub(crate) use outcome::{AttemptReport, CaseReport, Failure, Kept, Output, PhaseTime, Prospects};
pub(crate) use quarantine::{Quarantine, QuarantineEntry, QuarantinePolicy};
pub(crate) use script::{After, Lane, Place};
#[cfg(feature = "history")]
pub(crate) use secret::Secret;
pub(crate) use secret::concealed;
pub(crate) use session::{PATIENCE, ProcessIdentity, Recovered, SessionAddress, SessionConfig, SessionEnd, Sweep};
pub(crate) use shard::{Shard, ShardBy, ShardFacts, Sharding};
pub(crate) use verdict::{Lie, Rate, Verdict};
pub(crate) use worker::WorkerConfig;
