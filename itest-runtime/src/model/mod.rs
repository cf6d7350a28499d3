//! Layer 0: the plain data types that all other modules use.

mod attempt;
mod call_plan;
mod case;
mod config;
mod connection_fault;
mod contract_violation;
mod date;
mod duration;
mod error;
mod event;
mod exchange;
mod facts;
mod fault;
mod id;
#[cfg(feature = "coverage")]
mod integration_coverage;
mod ledger;
#[cfg(feature = "tracing")]
mod log_record;
mod mark;
#[cfg(test)]
mod mutated;
mod note;
mod outcome;
mod panic;
mod planned_fault;
mod quarantine;
mod remark;
mod run_config;
mod script;
mod secret;
mod session;
mod shard;
mod sorting;
mod sql_state;
mod trace;
mod verdict;
mod weakness;
mod worker;

pub use attempt::Problem;
pub use case::{CaseMeta, SourceLocation, TestRuntime};
pub use id::{Seed, TestId, WorkerId};
#[cfg(feature = "tracing")]
pub use log_record::{Level, LogRecord};
pub use outcome::{Outcome, Phase};
pub use remark::Remark;
pub use secret::{redact_json, redacted, redacted_parameter, redacted_value};

pub(crate) use attempt::{AttemptReport, CaseReport, Failure, KeptResources, Output, PhaseTime, Prospects};
pub(crate) use call_plan::{CallObservations, CallPlan, FaultExecution, FaultJudge, ObservedCall, RunCallPlan};
pub(crate) use case::{Case, Lock, LockMode, RunTimeCase, Turn};
pub(crate) use config::{
    Annotations, Budget, Capture, Color, Failed, FlakyResult, Format, Isolation, Leaks, Limits, NextestRun, NoTests,
    Order, Recall, Repeats, Require, RetryOn, ShowOutput, Until,
};
pub use connection_fault::{ConnectionFault, ParseConnectionFaultError};
pub use contract_violation::ContractViolation;
pub(crate) use date::{Date, LAST_UNIX_MS};
pub(crate) use duration::MAX_DURATION;
pub use duration::duration_in_words;
pub(crate) use error::{ExitStatus, HarnessError, UsageError};
#[cfg(test)]
pub(crate) use event::Timing;
pub(crate) use event::{Event, Running, Summary};
pub(crate) use exchange::MAX_EXCHANGES;
pub use exchange::{Exchange, ExchangeDirection};
pub(crate) use facts::Facts;
pub use fault::{Fault, ParseFaultError};
pub(crate) use id::{CaseIndex, mix};
#[cfg(feature = "coverage")]
pub(crate) use integration_coverage::{
    CoverageSettings, IntegrationCoverage, PointCoverage, PointKind, PointState, SeenWhen, UnusedCovers,
    UnusedDeclaration,
};
pub(crate) use ledger::{LEDGER_VERSION, LedgerContents, LedgerEntry, LedgerLine, OutstandingEntry, read_ledger};
#[cfg(feature = "tracing")]
pub(crate) use log_record::{LogContent, LogField};
pub(crate) use mark::Mark;
#[cfg(test)]
pub(crate) use mutated::{any_mutations, mutated};
pub(crate) use note::{Note, notes_as_text};
pub(crate) use panic::PanicRecord;
pub use planned_fault::CallKind;
pub(crate) use planned_fault::{CONNECTION, Call, CallFault, PlannedFault};
pub(crate) use quarantine::{Quarantine, QuarantineEntry, QuarantinePolicy};
pub(crate) use run_config::RunConfig;
pub(crate) use script::{After, Lane, Place};
#[cfg(feature = "history")]
pub(crate) use secret::Secret;
pub(crate) use session::{
    ProcessIdentity, RESPONSE_TIMEOUT, RecoveryResult, SessionAddress, SessionConfig, SessionEnd, SessionRole, Sweep,
};
pub(crate) use shard::{Shard, ShardBy, ShardFacts, Sharding};
pub(crate) use sorting::{map_of, set_of, sort, sort_by, sort_by_cached_key, sort_by_key};
pub use sql_state::{ParseSqlStateError, SqlState};
pub(crate) use trace::TraceScope;
pub(crate) use verdict::{Lie, Rate, Verdict};
pub(crate) use weakness::{CellVerdict, Evidence, Finding, Weakness};
pub(crate) use worker::WorkerConfig;
