//! Floor 5: arguments, environment and `itest.toml` become a run; the only room that reads any of them.

mod asked;
mod call;
mod ci_shard;
mod command;
mod contract;
mod defaults;
mod detection;
mod durations;
mod entries;
mod environment;
mod file;
mod github;
#[cfg(feature = "history")]
mod history;
mod idle;
mod last_failed;
mod listing;
mod outlet;
mod print_config;
mod quarantine;
mod records;
mod report;
mod resolve;
mod run;
mod schedule;
mod script;
mod selection;
mod settings;
mod share;
mod values;

pub use command::{Identity, main};
pub use environment::variable;
