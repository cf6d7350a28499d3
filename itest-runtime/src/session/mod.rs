//! Layer 3: the session. The session server holds the session fixtures of a run, and gives back the resources of processes
//! that ended without doing so.
//!
//! A session is a folder that only its owner can read. The folder contains:
//!
//! * `lock`: a file that the session server keeps locked while it runs. If another process can lock it, the server is dead.
//! * `socket`: the socket on which the server listens.
//! * `session.json`: the part of the run's configuration that the server needs.
//! * `server.json`: the identity of the server, and `started.json`: the identity of the process that was started as the server.
//! * `ledger-…`: the ledgers, one for each process that took a resource.
//! * `watched`: the test processes of a cargo-nextest run.
//! * `log`: the output of the server and its fixtures.
//!
//! The first process that needs the folder creates it under another name and then renames it, so that other processes never see
//! an incomplete folder.

mod address;
mod build_id;
mod client;
mod connection;
mod error;
mod fixtures;
mod folder;
mod guards;
mod kept_service;
mod kill;
mod ledger;
mod locks;
mod message;
mod recover;
mod recoverer;
mod recoveries;
mod request;
mod server;
mod service_lease;
mod signals;
mod sweep;
mod watched;
mod wire;

pub(crate) use address::{address_of, probe_folder, roots, watch_address_of};
pub(crate) use client::{Footprint, SESSION_FLAG, SessionClient};
pub(crate) use guards::{KeepAlive, LockGuard, ProcessWatch};
pub(crate) use kept_service::end_kept_services;
pub use kept_service::{KeptService, keep_services};
pub(crate) use recover::RECOVER_FLAG;
pub(crate) use recoverer::recover_as_child;
pub(crate) use server::serve_session;
pub(crate) use sweep::{is_worth_sweeping, sweep};
pub use wire::AfterKill;
