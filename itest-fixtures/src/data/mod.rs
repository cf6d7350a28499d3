//! Test data: realistic, repeated with the run's seed, loaded from files.
//!
//! [`Data`] is the fixture that makes values; what a type's values look like is said once, by its [`Factory`]. [`load`] and
//! [`insert`] bring rows into a database.

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
/// Names, addresses, companies, sentences, in many languages.
pub use fake;
pub use fixture::{Data, Factory};
#[cfg(feature = "_database")]
pub use insert::insert;
#[cfg(feature = "_database")]
pub use seeds::load;

#[cfg(feature = "_database")]
pub use crate::backend::Backend;
