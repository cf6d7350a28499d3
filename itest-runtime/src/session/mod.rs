//! Floor 3: the session: what outlives workers and supervisor, and gives back what they cannot give back themselves.
//!
//! A session is a folder that only its owner can read. In it are
//!
//! * `lock`, held by the session's server from its birth to its end: who can take it knows that the session is dead;
//! * `socket`, on which the server listens;
//! * `session.json`: what the server must know of the run;
//! * `server.json`: which process the server is, and `started.json`: which one was started as the server;
//! * `ledger-…`: one for each process that took something;
//! * `watched`: the test processes of a cargo-nextest run;
//! * `log`: what the server and its fixtures write.
//!
//! The folder is made by the first process that needs it, under another name, and then renamed: it is either there as a whole
//! or not at all.

mod address;
mod build_id;
mod client;
mod connection;
mod fixtures;
mod folder;
mod guards;
mod kill;
mod ledger;
mod locks;
mod message;
mod recover;
mod recoverer;
mod recoveries;
mod server;
mod signals;
mod sweep;
mod watched;
mod wire;

pub(crate) use address::{address_of, probe_folder, roots, watch_address_of};
pub(crate) use client::{Footprint, SESSION_FLAG, SessionClient};
pub(crate) use guards::{Keeping, LockGuard, Watch};
pub(crate) use recover::RECOVER_FLAG;
pub(crate) use recoverer::recover_as_child;
pub(crate) use server::serve_session;
pub(crate) use sweep::{is_worth_sweeping, sweep};
