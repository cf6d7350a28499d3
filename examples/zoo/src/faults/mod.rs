//! The key of the faults suite, the findings of an explorer, and the comparison of both.

pub mod finding;
pub mod key;
pub mod score;
