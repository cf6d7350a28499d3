//! The built-in fixtures for databases and services. Each one is behind a feature.
//!
//! They are a separate crate so that a suite which does not use them does not link them and their debug information: for an unused HTTP
//! client, that information alone was 30 MB.

#![deny(unsafe_code)]

/// The items that the expansions of the macros refer to.
#[cfg(any(
    feature = "_database",
    feature = "_service",
    feature = "_tls",
    feature = "compose",
    feature = "data",
    feature = "http",
    feature = "proxy"
))]
mod itest {
    #[cfg(any(
        feature = "_database",
        feature = "_run-server",
        feature = "_tls",
        feature = "_worker-server",
        feature = "compose",
        feature = "data",
        feature = "http",
        feature = "proxy"
    ))]
    pub(crate) use itest_macros::fixture;
    #[cfg(any(feature = "_service", feature = "compose", feature = "s3"))]
    pub(crate) use itest_macros::teardown;
    pub(crate) use itest_runtime::*;
}

#[cfg(feature = "any-service")]
mod any_service;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(all(feature = "_database", any(feature = "data", feature = "migrations")))]
mod backend;
#[cfg(feature = "compose")]
pub mod compose;
#[cfg(feature = "contracts")]
mod contract;
#[cfg(feature = "data")]
pub mod data;
#[cfg(feature = "_database")]
mod database;
#[cfg(any(feature = "_database", feature = "_service", feature = "compose", feature = "s3"))]
mod failure;
#[cfg(feature = "http")]
mod http;
#[cfg(any(feature = "http", feature = "mail"))]
mod identifier;
#[cfg(any(feature = "http", feature = "mail", feature = "proxy"))]
mod injection;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "mail")]
mod mail;
#[cfg(feature = "_messages")]
mod messages;
#[cfg(all(feature = "_database", feature = "migrations"))]
pub mod migrations;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(feature = "mysql")]
pub mod mysql;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "_service", feature = "s3"))]
mod production;
#[cfg(feature = "proxy")]
mod proxy;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(any(feature = "_service", feature = "compose"))]
mod service;
#[cfg(any(feature = "_messages", feature = "http", feature = "mail", feature = "proxy", feature = "redis"))]
mod shown;
#[cfg(feature = "_signed-requests")]
mod sigv4;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "_tls")]
mod tls;
#[cfg(feature = "tokens")]
mod tokens;
#[cfg(any(feature = "_tls", feature = "http"))]
mod transport;
#[cfg(feature = "http")]
mod wire;
#[cfg(feature = "_signed-requests")]
mod xml;

/// The version of sqlx whose types are in the interface of the database fixtures, for suites that use the pools without a dependency of
/// their own. The macros of sqlx need such a dependency, because their expansions name the crate.
#[cfg(feature = "_database")]
pub mod sqlx {
    #[doc(no_inline)]
    pub use ::sqlx::*;
    #[doc(no_inline)]
    pub use ::sqlx_core::migrate;
}

#[cfg(feature = "any-service")]
pub use any_service::{AnyService, ContainerOptions, Namespace, PrivateService, Readiness, ServiceOf};
#[cfg(feature = "contracts")]
pub use contract::Contract;
#[cfg(feature = "http")]
pub use http::{
    Client, CookieAssertion, Multipart, Request, Response, Server, ServerSentEvent, SetCookie, Shutdown, Streaming,
};
#[cfg(any(feature = "http", feature = "mail", feature = "proxy"))]
pub use injection::Injection;
#[cfg(feature = "mail")]
pub use mail::{
    Attachment, ExpectedMail, Mail, MailServer, MailServerOptions, Mailbox, NewMailInjection, OpenMailServer,
};
#[cfg(feature = "_messages")]
pub use messages::{Broker, Expectation, ExpectationByKey, Message};
#[cfg(feature = "_tap")]
pub use messages::{NewMessage, NewMessageInjection, TappedBroker};
#[cfg(feature = "mqtt")]
pub use mqtt::Mqtt;
#[cfg(feature = "nats")]
pub use nats::Nats;
#[cfg(feature = "proxy")]
pub use proxy::{
    NewConnectionInjection, NewStatementInjection, Proxy, RepeatedStatement, SentStatement, StatementPattern,
    Statements, statement,
};
#[cfg(feature = "http")]
pub use reqwest::Method;
#[cfg(feature = "_tls")]
pub use tls::{BadCertificate, CertificateAuthority};
#[cfg(feature = "tokens")]
pub use tokens::{BadToken, NewToken, SigningAlgorithm, TokenIssuer};
#[cfg(feature = "http")]
pub use wire::{
    Api, NewInjection, NewStub, Received, Reply, RequestPattern, ServerStopError, StandIn, Stub, Times, request,
};
