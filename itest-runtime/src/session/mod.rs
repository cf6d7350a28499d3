//! Floor 3: the session: what outlives workers and supervisor, and gives back what they cannot give back themselves.
//!
//! A session is a folder that only its owner can read. In it are
//!
//! * `lock`, held by the session's server from its birth to its end: who can take it knows that the session is dead;
//! * `socket`, on which the server listens;
//! * `session.json`: what the server must know of the run;
//! * `ledger-…`: one for each process that took something;
//! * `log`: what the server and its fixtures write.
//!
//! The folder is made by the first process that needs it, under another name, and then renamed: it is either there as a whole
//! or not at all.

mod address;
mod build;
mod client;
mod connection;
mod fixtures;
mod folder;
mod heard;
mod recover;
mod server;
mod sweep;
mod wire;

pub(crate) use address::{address_of, probe_folder, roots};
pub(crate) use client::{Footprint, Keeping, LockGuard, SESSION_FLAG, SessionClient};
pub(crate) use recover::{RECOVER_FLAG, recover_as_child};
pub(crate) use server::serve_session;
pub(crate) use sweep::{is_worth_sweeping, sweep};
