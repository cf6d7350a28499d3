//! Layer 4: runs cases, one in [`attempt`](attempt::attempt), many in a worker, all under the supervisor.

mod attempt;
mod judgement;
mod laboratory;
mod leaks;
mod run;
mod runtimes;
mod supervisor;
mod watch;
mod worker;

pub(crate) use laboratory::{Halt, WorkerLaboratory};
pub(crate) use run::{LiveProgress, Run};
pub(crate) use supervisor::{signal_number, supervise};
pub(crate) use worker::{WORKER_FLAG, work_as_child};
