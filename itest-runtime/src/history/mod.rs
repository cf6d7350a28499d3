//! Layer 2: the database of past runs. It imports the records of runs when the history is requested, so that test runs
//! do not have to write to it.

mod address;
mod durations;
mod error;
mod lines;
mod run;
mod schema;
mod store;
mod suite_history;
mod table;

pub(crate) use address::Address;
pub(crate) use error::HistoryError;
pub(crate) use lines::write_lines;
pub(crate) use run::{Key, Run};
pub(crate) use store::{Insertion, Store};
pub(crate) use suite_history::SuiteHistory;
pub(crate) use table::write_table;
