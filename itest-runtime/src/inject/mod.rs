//! Floor 1: what the macros expand to and what tests ask for: fixtures, parameters, phases, teardown.

mod conclude;
mod context;
mod entry;
mod error;
mod eventually;
mod fixture;
mod panic;
mod phase;
mod registry;
mod scope;
mod setup;
mod sync;
mod slot;
mod teardown;

pub use conclude::{Conclude, Made, made};
pub(crate) use context::set_requirement;
pub use context::{TestInfo, unavailable};
pub use entry::{LocalFuture, TestEntry};
pub use error::Error;
pub use eventually::{Eventually, NotYet, eventually};
pub use fixture::{Fixture, FixtureDescriptor, FunctionKind, Parameter};
pub use panic::{Caught, catch, catch_panic, install_panic_hook, skip};
pub use phase::{PhaseLog, begin_phases, current_phase, end_phases, enter_phase};
pub use registry::{RegisteredCase, Registry};
pub use scope::{AskerScope, ByValue, FixtureScope, LivesAsLongAs, Scope, TestScope, WorkerScope};
pub use setup::{Scopes, SetupFailure, fill, return_lent};
pub use slot::{Inputs, Slot};
pub use sync::poll_by_kind;
pub use teardown::{ScopeStore, Teardown, TeardownProblem};
