//! Services without a weakness: whatever single call fails, they end in time, keep what they promise, and report what they could not do.

mod answers;
mod background;
mod charges;
mod downloads;
mod locks;
mod optional;
mod orders;
mod records;
mod retries;
mod timeouts;
mod transactions;
mod waiting;
