//! Layer 5: the command line. It turns arguments, environment variables and `itest.toml` into a run. No other layer reads these.

mod call;
mod ci_shard;
mod command;
mod command_line;
#[cfg(feature = "coverage")]
mod coverage;
#[cfg(feature = "coverage")]
mod coverage_settings;
#[cfg(feature = "coverage")]
mod declared_points;
mod defaults;
mod detection;
mod durations;
mod environment;
mod faults;
mod file;
mod fixture_settings;
mod git;
mod github;
#[cfg(feature = "history")]
mod history;
#[cfg(feature = "history")]
mod history_settings;
mod identity;
mod invocation;
mod last_failed;
mod listing;
mod mode;
mod output;
mod outputs;
mod print_config;
mod quarantine;
mod quarantine_entries;
mod records;
mod reference;
mod refusal;
mod report;
mod reporting;
mod resolve;
mod run;
mod schedule;
mod script;
mod search;
mod selection;
mod setting;
mod settings;
#[cfg(test)]
mod settings_tests;
mod shard;
mod stack;
mod values;
mod variable;
mod without_effect;
mod wrapper;

pub use command::main;
pub use identity::{Identity, suite};
pub use reference::settings_reference;
pub use values::duration as parse_duration;
pub use variable::variable;
