//! Floor 4: runs cases, one in [`attempt`](attempt::attempt), many in a worker, all under the supervisor.

mod attempt;
mod judgement;
mod laboratory;
mod leaks;
mod resting;
mod retry;
mod run;
mod runtimes;
mod session;
mod signals;
mod staffing;
mod supervisor;
mod watch;
mod watchman;
mod worker;
mod workers;

pub(crate) use laboratory::{Halt, WorkerLaboratory};
pub(crate) use run::Run;
pub(crate) use signals::signal_number;
pub(crate) use supervisor::supervise;
pub(crate) use worker::{WORKER_FLAG, work_as_child};
