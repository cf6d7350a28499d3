//! Layer 2: worker processes, and the channels between a worker and the supervisor.
//!
//! Four channels connect a worker with the supervisor:
//!
//! * The *control* socket, which is the worker's stdin when the worker starts. The worker sends reports through it, and the
//!   supervisor sends one-byte notes.
//! * The *dispatch* socket. The supervisor writes turns to it; a turn is a case and the number of the attempt. The worker
//!   claims the turns in order, and the supervisor can take back the turns that the worker has not claimed.
//! * The *status file*, a small file in memory. It holds the worker's position (case, phase, deadline), the reports that the
//!   worker has not sent yet, and the panics of the running test. The supervisor can read it even when the worker hangs or
//!   has crashed.
//! * The *output pipes*, which are stdout and stderr of the worker. After each test that wrote something, new pipes replace
//!   them, so that no byte is attributed to the wrong test.

mod ancestors;
mod channel;
mod children;
mod debugger;
mod deferred_signals;
mod exit;
mod fork;
mod identity;
mod leak;
mod link;
#[cfg(feature = "tracing")]
mod log_collector;
#[cfg(feature = "tracing")]
mod log_layer;
mod mark;
mod output;
mod panic_log;
mod port_owner;
mod posix_timers;
mod resource_baseline;
mod scan;
mod signals;
mod spawn;
mod state;
mod status_file;
mod stop_detector;
mod stopped;
mod stopwatch;
mod surroundings;
mod terminal;
mod thread_origin;
#[cfg(feature = "tracing")]
mod trace;
mod turn;
mod unexpected_exit;
mod wire;

pub(crate) use ancestors::command_line_of_ancestor;
pub(crate) use channel::{Channel, Urgency};
pub(crate) use children::{OwnChild, adopt_orphans, kill_all_children, let_child_outlive_this_process};
pub(crate) use debugger::debugger_attached;
pub(crate) use deferred_signals::defer_termination;
pub(crate) use exit::{guard_exit, release_exit};
pub(crate) use fork::{end_forked_child, notice_forks};
pub(crate) use identity::{
    Liveness, ancestor, continue_if_stopped, identify, is_alive, liveness, own_identity, parent, signal_process,
    wait_for_end,
};
pub(crate) use leak::Leak;
pub(crate) use link::{FromWorker, Link};
#[cfg(all(test, feature = "tracing"))]
pub(crate) use log_collector::RemovedLogs;
#[cfg(feature = "tracing")]
pub(crate) use log_collector::{CollectedLogs, LogObserver, MAX_RECORDS, add_log, is_log_observed};
pub(crate) use mark::{NEXTEST_MARK, PROGRAM_MARK, SESSION_MARK, WORKER_MARK, is_any_marked, kill_marked};
pub(crate) use output::pipe;
pub(crate) use panic_log::PanicLog;
pub(crate) use port_owner::foreign_owner_of_port;
pub(crate) use resource_baseline::{ResourceBaseline, Snapshot};
pub(crate) use signals::{clear_inherited_signals, ignore_termination_signals, is_ignored};
pub(crate) use spawn::{
    Departure, MIN_OPEN_FILES, Reaped, WORKER_NAME, affordable_workers, is_ended, open_files_limit, own_binary, reap,
    spawn_process, spawn_thread,
};
pub(crate) use state::{EarlierState, ProcessState, Stdin};
pub(crate) use status_file::{Position, StatusFile, monotonic};
pub(crate) use stop_detector::StopDetector;
pub(crate) use stopped::{stop_signal, stopped_descendants};
pub(crate) use stopwatch::Stopwatch;
pub(crate) use surroundings::Surroundings;
pub(crate) use terminal::{NotLent, Terminal};
#[cfg(feature = "tracing")]
pub(crate) use trace::{
    Visibility, begin_trace, check_trace_filter, is_subscriber_conflict, show_trace, show_trace_of_this_thread,
    visibility,
};
pub(crate) use unexpected_exit::{UnexpectedExit, kill_group, signal_group, signal_in_words};
pub(crate) use wire::Start;
