//! An integration-test harness. Each test gets exactly the environment that its parameters name, and the environment is
//! always cleaned up.
//!
//! A suite is a test target with `harness = false` in `Cargo.toml`. It calls [`main!`], defines fixtures with
//! [`macro@fixture`], and marks its tests with [`macro@integration_test`]. A test receives a fixture by naming its type as a
//! parameter: `T` is a fresh value, `&T` is shared in the scope of the fixture, and `&mut T` is exclusive.
//!
//! ```no_run
//! use itest::prelude::*;
//!
//! itest::main!();
//!
//! struct Greeter {
//!     greeting: &'static str,
//! }
//!
//! #[fixture]
//! fn greeter() -> Greeter {
//!     Greeter { greeting: "hello" }
//! }
//!
//! #[integration_test]
//! async fn greeting_contains_the_name(greeter: &Greeter) {
//!     #[act]
//!     let text = format!("{}, Ada", greeter.greeting);
//!     #[assert]
//!     assert_eq!(text, "hello, Ada");
//! }
//! ```
//!
//! `cargo test --test NAME -- --help` lists the settings of a suite.

#![forbid(unsafe_code)]

// The compiler links a dynamic library only if the crate is named.
#[cfg(feature = "dynamic")]
use itest_dynamic as _;
#[cfg(feature = "tls")]
pub use itest_fixtures::BadCertificate;
#[cfg(any(feature = "mail", feature = "tls"))]
pub use itest_fixtures::CertificateAuthority;
#[cfg(feature = "contracts")]
pub use itest_fixtures::Contract;
#[cfg(any(feature = "http", feature = "mail", feature = "proxy"))]
pub use itest_fixtures::Injection;
#[cfg(feature = "mqtt")]
pub use itest_fixtures::Mqtt;
#[cfg(feature = "nats")]
pub use itest_fixtures::Nats;
#[cfg(feature = "aws")]
pub use itest_fixtures::aws;
#[cfg(feature = "compose")]
pub use itest_fixtures::compose;
#[cfg(feature = "data")]
pub use itest_fixtures::data;
#[cfg(feature = "kafka")]
pub use itest_fixtures::kafka;
#[cfg(all(feature = "migrations", any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
pub use itest_fixtures::migrations;
#[cfg(feature = "mysql")]
pub use itest_fixtures::mysql;
#[cfg(feature = "postgres")]
pub use itest_fixtures::postgres;
#[cfg(feature = "rabbitmq")]
pub use itest_fixtures::rabbitmq;
#[cfg(feature = "redis")]
pub use itest_fixtures::redis;
#[cfg(feature = "s3")]
pub use itest_fixtures::s3;
#[cfg(feature = "sqlite")]
pub use itest_fixtures::sqlite;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use itest_fixtures::sqlx;
#[cfg(feature = "http")]
pub use itest_fixtures::{
    Api, Client, CookieAssertion, Method, Multipart, NewInjection, NewStub, Received, Reply, Request, RequestPattern,
    Response, Server, ServerSentEvent, ServerStopError, SetCookie, Shutdown, StandIn, Streaming, Stub, Times, request,
};
#[cfg(feature = "mail")]
pub use itest_fixtures::{
    Attachment, ExpectedMail, Mail, MailServer, MailServerOptions, Mailbox, NewMailInjection, OpenMailServer,
};
#[cfg(feature = "tokens")]
pub use itest_fixtures::{BadToken, NewToken, SigningAlgorithm, TokenIssuer};
#[cfg(any(feature = "kafka", feature = "mqtt", feature = "nats", feature = "rabbitmq"))]
pub use itest_fixtures::{Broker, Expectation, ExpectationByKey, Message};
#[cfg(feature = "proxy")]
pub use itest_fixtures::{
    NewConnectionInjection, NewStatementInjection, Proxy, RepeatedStatement, SentStatement, StatementPattern,
    Statements, statement,
};
#[cfg(any(feature = "mqtt", feature = "nats", feature = "rabbitmq"))]
pub use itest_fixtures::{NewMessage, NewMessageInjection, TappedBroker};
pub use itest_macros::{fixture, integration_points, integration_test, invariant, over, teardown};
pub use itest_runtime::*;

/// The items that most suites need: `use itest::prelude::*;`.
pub mod prelude {
    #[cfg(any(feature = "kafka", feature = "mqtt", feature = "nats", feature = "rabbitmq"))]
    pub use crate::Broker;
    #[cfg(feature = "tracing")]
    pub use crate::Logs;
    #[cfg(feature = "mail")]
    pub use crate::Mailbox;
    #[cfg(feature = "mqtt")]
    pub use crate::Mqtt;
    #[cfg(feature = "nats")]
    pub use crate::Nats;
    #[cfg(feature = "proxy")]
    pub use crate::Proxy;
    #[cfg(any(feature = "mqtt", feature = "nats", feature = "rabbitmq"))]
    pub use crate::TappedBroker;
    #[cfg(feature = "data")]
    pub use crate::data::{Data, Factory};
    #[cfg(feature = "kafka")]
    pub use crate::kafka::{Kafka, KafkaMessage};
    #[cfg(feature = "rabbitmq")]
    pub use crate::rabbitmq::Rabbit;
    #[cfg(feature = "tokens")]
    pub use crate::{BadToken, TokenIssuer};
    #[cfg(feature = "http")]
    pub use crate::{Client, Response, Server, StandIn};
    pub use crate::{
        Durable, Fixture, Outcome, Program, Result, RunningProgram, Teardown, TempDir, TestInfo, TestRng, eventually,
        fixture, integration_test, invariant, over, skip, teardown, unavailable,
    };
}

/// Any other service as a fixture: a suite defines its name, its program or image, and when it is ready.
#[cfg(feature = "any-service")]
pub mod service {
    pub use itest_fixtures::{AnyService, ContainerOptions, Namespace, PrivateService, Readiness, ServiceOf};
}

/// Defines the `main` function of a suite. The suite is a test target with `harness = false`.
#[macro_export]
macro_rules! main {
    () => {
        fn main() -> ::std::process::ExitCode {
            $crate::__private::main($crate::__private::Identity {
                package: ::core::option_env!("CARGO_PKG_NAME"),
                target: ::core::option_env!("CARGO_CRATE_NAME"),
            })
        }

        /// Fails under libtest's harness, which runs only if `harness = false` is missing in Cargo.toml. The attribute has
        /// its full path, because a suite may import `integration_test` as `test`.
        #[::core::prelude::v1::test]
        fn this_suite_needs_harness_false() {
            ::std::panic!("itest runs this suite: write `harness = false` under its [[test]] in Cargo.toml");
        }
    };
}

/// Ends the running test as skipped, with a reason: `skip!("needs {} cores", 4)`.
///
/// Call it in tests, in fixtures, and in functions that they call on the same thread.
#[macro_export]
macro_rules! skip {
    ($($reason:tt)+) => {
        $crate::__private::skip(::std::format!($($reason)+))
    };
}

/// Ends the running test because a service is missing. The test is skipped, or it fails if the run requires all services
/// (`--require all`).
///
/// The arguments are the name of the service and a format string that says how to install it:
/// `unavailable!("nats-server", "apt-get install nats-server")`.
#[macro_export]
macro_rules! unavailable {
    ($service:expr, $($remedy:tt)+) => {
        $crate::__private::unavailable($service, &::std::format!($($remedy)+))
    };
}

/// The contract in a file of this package, as a [`Contract`]: `contract!("contracts/payments.yaml")`.
///
/// The file is an OpenAPI description (3.0 or 3.1) or a JSON Schema, in YAML or JSON. Its path begins at the folder of the package. The file
/// is read when a test needs it, so that a change of the contract does not compile the suite again.
#[cfg(feature = "contracts")]
#[macro_export]
macro_rules! contract {
    ($file:expr) => {
        $crate::Contract::in_package(::core::env!("CARGO_MANIFEST_DIR"), $file)
    };
}

/// Declares the operations of a contract as integration points, so that the report of `--integration-coverage` names those that no test
/// covers: `contract_points!(calls Payments)` for an [`Api`] with a contract, `contract_points!(endpoints contract!("openapi.yaml"))` for
/// the code under test.
#[cfg(feature = "contracts")]
#[macro_export]
macro_rules! contract_points {
    (calls $api:ty) => {
        const _: () = {
            $crate::__private::inventory::submit! {
                $crate::__private::SuitePoints::OfContract(|| {
                    let name = <$api as $crate::Api>::NAME;
                    match <$api as $crate::Api>::contract() {
                        ::core::option::Option::Some(contract) => contract.integration_points(::core::option::Option::Some(name)),
                        ::core::option::Option::None => ::core::result::Result::Err(::std::format!("the API {name} has no contract")),
                    }
                })
            }
        };
    };
    (endpoints $contract:expr) => {
        const _: () = {
            $crate::__private::inventory::submit! {
                $crate::__private::SuitePoints::OfContract(|| {
                    let contract: $crate::Contract = $contract;
                    contract.integration_points(::core::option::Option::None)
                })
            }
        };
    };
}

/// The pages under `docs/`. They are included here so that `cargo test --doc` compiles their examples.
#[cfg(doctest)]
mod pages {
    #[cfg(feature = "any-service")]
    #[doc = include_str!("../docs/any-service.md")]
    struct AnyService;
    #[cfg(feature = "tokens")]
    #[doc = include_str!("../docs/auth.md")]
    struct Auth;
    #[cfg(feature = "aws")]
    #[doc = include_str!("../docs/aws.md")]
    struct Aws;
    #[cfg(all(feature = "compose", feature = "http"))]
    #[doc = include_str!("../docs/compose.md")]
    struct Compose;
    #[cfg(feature = "contracts")]
    #[doc = include_str!("../docs/contracts.md")]
    struct Contracts;
    #[cfg(feature = "http")]
    #[doc = include_str!("../docs/coverage.md")]
    struct Coverage;
    #[cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    #[doc = include_str!("../docs/database.md")]
    struct Database;
    #[cfg(all(feature = "data", feature = "sqlite"))]
    #[doc = include_str!("../docs/data.md")]
    struct Data;
    #[doc = include_str!("../docs/detection.md")]
    struct Detection;
    #[cfg(all(feature = "postgres", feature = "proxy"))]
    #[doc = include_str!("../docs/faults.md")]
    struct Faults;
    #[doc = include_str!("../docs/files.md")]
    struct Files;
    #[doc = include_str!("../docs/fixtures.md")]
    struct Fixtures;
    #[doc = include_str!("../docs/history.md")]
    struct History;
    #[doc = include_str!("../docs/http.md")]
    struct Http;
    #[doc = include_str!("../docs/invariants.md")]
    struct Invariants;
    #[cfg(feature = "kafka")]
    #[doc = include_str!("../docs/kafka.md")]
    struct Kafka;
    #[cfg(feature = "mail")]
    #[doc = include_str!("../docs/mail.md")]
    struct Mail;
    #[cfg(feature = "nats")]
    #[doc = include_str!("../docs/messages.md")]
    struct Messages;
    #[cfg(all(feature = "migrations", feature = "sqlite"))]
    #[doc = include_str!("../docs/migrations.md")]
    struct Migrations;
    #[cfg(feature = "mqtt")]
    #[doc = include_str!("../docs/mqtt.md")]
    struct Mqtt;
    #[cfg(feature = "s3")]
    #[doc = include_str!("../docs/object-store.md")]
    struct ObjectStore;
    #[cfg(feature = "tracing")]
    #[doc = include_str!("../docs/observing.md")]
    struct Observing;
    #[cfg(feature = "postgres")]
    #[doc = include_str!("../docs/other-clients.md")]
    struct OtherClients;
    #[doc = include_str!("../docs/programs.md")]
    struct Programs;
    #[cfg(feature = "rabbitmq")]
    #[doc = include_str!("../docs/rabbitmq.md")]
    struct RabbitMq;
    #[cfg(feature = "redis")]
    #[doc = include_str!("../docs/redis.md")]
    struct Redis;
    #[doc = include_str!("../docs/sessions.md")]
    struct Sessions;
    #[cfg(feature = "tls")]
    #[doc = include_str!("../docs/stand-ins.md")]
    struct StandIns;
    #[doc = include_str!("../docs/tests.md")]
    struct Tests;
}
