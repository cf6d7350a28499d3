//! Floor 2: what past runs say. It takes in their records when somebody asks, so that no run pays for it.

mod address;
mod durations;
mod error;
mod lines;
mod run;
mod schema;
mod store;
mod story;
mod table;

pub(crate) use address::Address;
pub(crate) use error::HistoryError;
pub(crate) use lines::write_lines;
pub(crate) use run::{Key, Run};
pub(crate) use store::{Added, Store};
pub(crate) use story::Chronicle;
pub(crate) use table::write_table;
