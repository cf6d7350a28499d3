//! Layer 1: the types that macro expansions name and that tests use: fixtures, parameters, phases and teardown.

mod background;
mod builtin;
mod calls;
mod case_file;
mod case_source;
mod case_values;
mod clock;
mod conclude;
mod concurrently;
mod context;
mod durable;
mod enter;
mod entry;
mod erasure;
mod error;
mod eventually;
#[cfg(feature = "files")]
mod file_search;
mod fixture;
mod fixture_reports;
mod folder;
mod function;
mod invariant;
mod ledger;
mod locks;
mod needs;
mod own_threads;
mod panic;
mod phase;
mod portable;
mod registry;
mod return_type;
mod run_time_cases;
mod running;
mod scope;
mod setting;
mod setup;
mod slot;
mod stack;
mod store;
mod sync;
mod teardown;

pub use background::{background, tasks_of_tests};
pub use case_file::{CaseFile, FromCaseFile};
pub use case_source::{CaseSource, FilePatterns};
pub use case_values::{CaseValues, IntoCases, case_names};
pub use clock::timeout;
pub use conclude::{Conclude, FixtureReturn, SetupOf, concluded};
pub use concurrently::{ConcurrentCall, ConcurrentCalls, concurrently};
pub use context::{TestInfo, jobs, unavailable};
pub use durable::{Durable, TeardownEntry, call_with};
pub use enter::enter_phase;
pub use entry::{SuitePoints, TestEntry, without_crate};
pub use error::Error;
pub use eventually::{Eventually, NotYet, eventually};
pub use fixture::{Fixture, FixtureDescriptor, Parameter};
pub use function::Function;
pub use invariant::InvariantEntry;
pub use panic::{allow_background_panics, skip};
pub use portable::{Portable, ValueCodec};
pub use return_type::ReturnType;
pub use run_time_cases::RunTimeCases;
pub use running::{RunningAttempt, running_attempt};
pub(crate) use scope::Scope;
pub use scope::{ByValue, DependentScope, LivesAsLongAs, SessionScope, TestScope, WorkerScope};
pub use setting::{FixtureSetting, SettingShape};
pub use slot::Inputs;
pub use sync::{BoxedFuture, FunctionKind, LocalFuture};
pub use teardown::Teardown;

pub(crate) use background::{RuntimeOf, harness_runtime, harness_tasks, set_runtime_of_tests, start_runtime_for_tests};
pub(crate) use clock::sleep;
pub(crate) use context::{set_jobs, set_requirement};
pub(crate) use erasure::{block_on, boxed, spawn};
pub(crate) use fixture_reports::FixtureReports;
pub(crate) use folder::{remove_temp_dir, remove_tree};
pub(crate) use invariant::invariants_of;
pub(crate) use ledger::Ledger;
pub(crate) use needs::{SessionNeed, session_needs, uses_fixture};
#[cfg(feature = "tracing")]
pub(crate) use own_threads::begin_threads_with;
pub(crate) use own_threads::{begin_threads_of, is_own_thread, spawn_own_thread};
pub(crate) use panic::{
    BackgroundPanic, Caught, PanicOutput, begin_panics, catch, catch_panic, install_panic_hook, log_panics,
    take_background_panics,
};
pub(crate) use phase::{PhaseLog, begin_phases, current_phase, end_phases};
pub(crate) use registry::{Candidate, RegisteredCase, Registry, receive_run_time_cases};
pub(crate) use running::set_running_attempt;
pub(crate) use setting::{give_fixture_settings, given_fixture_setting, given_fixture_settings, variable_of};
pub(crate) use setup::{FixtureSetup, Scopes, SetupFailure, fill, make_session_value, return_lent};
pub(crate) use slot::Slot;
pub(crate) use stack::TeardownProblem;
pub(crate) use store::ScopeStore;
