//! Services with a weakness. `faults-key.toml` has the report of each weakness, and what shows it.

mod answers;
mod background;
mod charges;
mod files;
mod orders;
mod panics;
mod records;
mod security;
mod timeouts;
mod transactions;
mod waiting;
