//! Floor 5: arguments, environment and `itest.toml` become a run; the only room that reads any of them.

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
mod fixture_settings;
mod github;
#[cfg(feature = "history")]
mod history;
#[cfg(feature = "history")]
mod history_settings;
mod identity;
mod invocation;
mod last_failed;
#[cfg(test)]
mod layers;
mod listing;
mod mode;
mod outlet;
mod print_config;
mod quarantine;
mod records;
mod reference;
mod refusal;
mod report;
mod reporting;
mod resolve;
mod run;
mod schedule;
mod script;
mod selection;
mod setting;
mod settings;
mod share;
mod stack;
mod values;
mod variable;
mod without_effect;

pub use command::main;
pub use identity::Identity;
pub use reference::settings_reference;
pub use variable::variable;
