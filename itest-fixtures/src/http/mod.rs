//! HTTP from the side of a test: a client with readable assertions, and the service under test in this process.

mod client;
mod response;
mod server;

pub use client::{Client, Request};
pub use response::Response;
pub use server::Server;
