//! Floor 1: what the macros expand to and what tests ask for: fixtures, parameters, phases, teardown.

mod conclude;
mod context;
mod durable;
mod entry;
mod error;
mod eventually;
mod fixture;
mod folder;
mod ledger;
mod locks;
mod needs;
mod panic;
mod phase;
mod portable;
mod registry;
mod scope;
mod setup;
mod slot;
mod sync;
mod teardown;

pub use conclude::{Conclude, Made, made};
pub use context::{TestInfo, unavailable};
pub use durable::{Durable, TeardownEntry, call_with};
pub use entry::{LocalFuture, TestEntry, without_crate};
pub use error::Error;
pub use eventually::{Eventually, NotYet, eventually};
pub use fixture::{Fixture, FixtureDescriptor, FunctionKind, Parameter};
pub use panic::{allow_background_panics, skip};
pub use phase::enter_phase;
pub use portable::{Crossing, Portable};
pub(crate) use scope::Scope;
pub use scope::{AskerScope, SessionScope, TestScope, WorkerScope};
pub use slot::Inputs;
pub use teardown::Teardown;

pub(crate) use context::set_requirement;
pub(crate) use folder::remove_folder;
pub(crate) use ledger::Ledger;
pub(crate) use needs::{SessionNeed, session_needs};
pub(crate) use panic::{Caught, catch, catch_panic, install_panic_hook, take_background_panics};
pub(crate) use phase::{PhaseLog, begin_phases, current_phase, end_phases};
pub(crate) use registry::{Candidate, RegisteredCase, Registry};
pub(crate) use setup::{Scopes, fill, make_session_value, return_lent};
pub(crate) use sync::poll_by_kind;
pub(crate) use teardown::{ScopeStore, TeardownProblem};
