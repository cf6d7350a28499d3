//! The built-in fixtures that talk to databases and services, one file for each thing, each behind its feature.
//!
//! They are a crate of their own so that a suite which does not use them does not link them, nor their debug information:
//! for an unused HTTP client that alone was 30 MB.

#![forbid(unsafe_code)]

#[cfg(all(
    any(feature = "data", feature = "migrations"),
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
mod backend;
#[cfg(feature = "http")]
mod client;
#[cfg(feature = "data")]
pub mod data;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod database;
#[cfg(feature = "http")]
mod exchange;
#[cfg(all(feature = "migrations", any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
pub mod migrations;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "http")]
mod server;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "http")]
pub use client::{Client, Request};
#[cfg(feature = "http")]
pub use exchange::Response;
#[cfg(feature = "http")]
pub use reqwest::Method;
#[cfg(feature = "http")]
pub use server::{Server, ServerStopError};
