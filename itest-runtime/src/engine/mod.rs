//! Layer 4: runs cases. A worker makes one attempt at a time, and the supervisor controls the workers.

mod attempt;
mod fault_runner;
mod judgement;
mod leaks;
mod phases;
mod position;
mod probe_runner;
mod run;
mod runtimes;
mod supervisor;
mod worker;

pub(crate) use fault_runner::FaultRunner;
pub(crate) use probe_runner::{StopReason, WorkerProbeRunner};
pub(crate) use run::{LiveProgress, Run};
pub(crate) use supervisor::{signal_number, supervise};
pub(crate) use worker::{WORKER_FLAG, work_as_child};
