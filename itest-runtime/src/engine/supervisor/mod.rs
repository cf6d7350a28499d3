//! The supervisor: it schedules the cases of a run, hands them to workers, and judges how each attempt ended.

mod assignment;
mod departure;
mod dispatch;
mod event_loop;
mod handle;
mod pool;
mod process;
mod progress;
mod queue;
mod retries;
mod schedule;
mod session;
mod signals;
mod state;
mod supervise;
mod watchdog;

pub(crate) use signals::signal_number;
pub(super) use signals::{Request, Signals, TIME_IS_UP};
pub(crate) use supervise::supervise;
