//! Test data: realistic values that repeat with the run's seed, and rows from files.
//!
//! [`Data`] is the fixture that makes values. A [`Factory`] defines the plain value of a type. [`load`] and [`insert`] add rows to a
//! database.

#[cfg(feature = "_database")]
mod csv;
#[cfg(feature = "_database")]
mod error;
mod fixture;
#[cfg(feature = "_database")]
mod insert;
#[cfg(feature = "_database")]
mod json;
#[cfg(feature = "_database")]
mod seeds;
#[cfg(feature = "_database")]
mod write;

#[cfg(feature = "_database")]
pub use error::SeedError;
/// Generators of names, addresses, companies and sentences in many languages.
pub use fake;
pub use fixture::{Data, Factory};
#[cfg(feature = "_database")]
pub use insert::insert;
#[cfg(feature = "_database")]
pub use seeds::load;

#[cfg(feature = "_database")]
pub use crate::backend::Backend;
