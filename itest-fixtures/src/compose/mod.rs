//! The services of a compose file: started for the run, ready before the first test that uses them, and removed with their volumes and
//! networks, however the run ends.
//!
//! See [`Stack`] for an example.

mod check;
mod cli;
mod definition;
mod document;
mod engine;
mod file;
mod fixture;
mod folder;
mod ports;
mod project;
mod removal;
mod services;
mod startup;
mod state;

pub use definition::{Stack, StackOptions};
pub use fixture::Compose;
pub use project::Project;
