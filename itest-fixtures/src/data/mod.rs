//! Test data: realistic, repeated with the run's seed, loaded from files.
//!
//! [`Data`] is the fixture that makes values; what a type's values look like is said once, by its [`Factory`]. [`load`] and
//! [`insert`] bring rows into a database.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod csv;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod error;
mod factory;
mod fixture;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod json;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod seeds;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod write;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use error::SeedError;
pub use factory::Factory;
/// Names, addresses, companies, sentences, in many languages.
pub use fake;
pub use fixture::Data;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use seeds::load;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use write::insert;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use crate::backend::Backend;
