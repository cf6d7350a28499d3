//! itest, tested by itself: real suites are spawned and judged.

mod backends;
mod bad_input;
mod builtin;
mod changes;
mod console;
mod data;
mod detection;
mod github;
mod history;
mod hostile;
mod junit;
mod leaks;
mod libtest_json;
mod matrix;
mod nextest;
mod order;
mod outcomes;
mod output;
mod postgres;
mod quarantine;
mod recall;
mod record;
mod repeats;
mod reports;
mod retries;
mod selection;
mod session;
mod shards;
mod sharing;
mod signals;
mod sweeping;
mod used;

itest::main!();
