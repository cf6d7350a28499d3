//! Floor 1, pure: which cases run, in which order, and which of them may start now.
//!
//! Nothing here knows a clock, the environment, files, processes or tokio.

mod admission;
mod hand;
mod order;
mod tags;

pub use admission::{Admission, Locks};
pub use hand::hand_size;
pub use order::{mix, ordered};
pub use tags::{TagExpression, TagSyntaxError};
