//! The built-in fixtures for databases and services. Each one is behind a feature.
//!
//! They are a separate crate so that a suite which does not use them does not link them and their debug information: for an unused HTTP
//! client, that information alone was 30 MB.

#![deny(unsafe_code)]

/// The items that the expansions of the macros refer to.
#[cfg(any(feature = "_database", feature = "_service", feature = "data", feature = "http", feature = "proxy"))]
mod itest {
    #[cfg(any(feature = "_database", feature = "data", feature = "http", feature = "proxy"))]
    pub(crate) use itest_macros::fixture;
    #[cfg(feature = "_service")]
    pub(crate) use itest_macros::teardown;
    pub(crate) use itest_runtime::*;
}

#[cfg(all(feature = "_database", any(feature = "data", feature = "migrations")))]
mod backend;
#[cfg(feature = "data")]
pub mod data;
#[cfg(feature = "_database")]
mod database;
#[cfg(any(feature = "_database", feature = "_service"))]
mod failure;
#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "http", feature = "proxy"))]
mod injection;
#[cfg(all(feature = "_database", feature = "migrations"))]
pub mod migrations;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "_service")]
mod service;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "tokens")]
mod tokens;
#[cfg(feature = "http")]
mod wire;

#[cfg(feature = "http")]
pub use http::{
    Client, CookieAssertion, Multipart, Request, Response, Server, ServerSentEvent, SetCookie, Shutdown, Streaming,
};
#[cfg(any(feature = "http", feature = "proxy"))]
pub use injection::Injection;
#[cfg(feature = "proxy")]
pub use proxy::{
    NewConnectionInjection, NewStatementInjection, Proxy, RepeatedStatement, SentStatement, StatementPattern,
    Statements, statement,
};
#[cfg(feature = "http")]
pub use reqwest::Method;
#[cfg(feature = "tokens")]
pub use tokens::{BadToken, NewToken, SigningAlgorithm, TokenIssuer};
#[cfg(feature = "http")]
pub use wire::{
    Api, NewInjection, NewStub, Received, Reply, RequestPattern, ServerStopError, StandIn, Stub, Times, request,
};
