//! Floor 2: worker processes, and what passes between them and the supervisor.
//!
//! Four things connect the two:
//!
//! * the *control* socket, the worker's stdin at its start: reports go up it, single-letter notes down;
//! * the *dispatch* socket: turns, each a case and which attempt at it this is, that the worker claims one by one, and that the supervisor can take back;
//! * the *beacon*, a small file in memory: where the worker is and until when it may stay there, readable even when the
//!   worker hangs or has died;
//! * the *output pipes*, exchanged for new ones after each test that wrote something, so that no byte is ever attributed to
//!   the wrong test.

mod beacon;
mod channel;
mod death;
mod debugger;
mod exit;
mod identity;
mod link;
mod mark;
mod output;
mod pulse;
mod residue;
mod spawn;
mod stopwatch;
mod surroundings;
#[cfg(feature = "tracing")]
mod trace;
mod turn;
mod wire;

pub(crate) use beacon::{Beacon, Position, monotonic};
pub(crate) use channel::{Channel, Urgency};
pub(crate) use death::{Death, kill_group, signal_group};
pub(crate) use debugger::debugger_attached;
pub(crate) use exit::{guard_exit, release_exit};
pub(crate) use identity::{ancestor, identify, is_alive, own_identity, wait_for_end};
pub(crate) use link::{FromWorker, Link};
pub(crate) use mark::{NEXTEST_MARK, PROCESS_MARK, WORKER_MARK, is_any_marked, kill_marked};
pub(crate) use pulse::Pulse;
pub(crate) use residue::{Leak, OwnChild, Residue, adopt_orphans, kill_all_children};
pub(crate) use spawn::{
    Reaped, WORKER_NAME, affordable_workers, is_ended, own_binary, reap, spawn_process, spawn_thread,
};
pub(crate) use stopwatch::Stopwatch;
pub(crate) use surroundings::Surroundings;
#[cfg(feature = "tracing")]
pub(crate) use trace::{begin_trace, check_trace_filter, show_trace};
pub(crate) use wire::Start;
