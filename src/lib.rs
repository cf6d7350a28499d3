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
#[cfg(any(feature = "http", feature = "proxy"))]
pub use itest_fixtures::Injection;
#[cfg(feature = "data")]
pub use itest_fixtures::data;
#[cfg(all(feature = "migrations", any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
pub use itest_fixtures::migrations;
#[cfg(feature = "mysql")]
pub use itest_fixtures::mysql;
#[cfg(feature = "postgres")]
pub use itest_fixtures::postgres;
#[cfg(feature = "sqlite")]
pub use itest_fixtures::sqlite;
#[cfg(feature = "http")]
pub use itest_fixtures::{
    Api, Client, CookieAssertion, Method, Multipart, NewInjection, NewStub, Received, Reply, Request, RequestPattern,
    Response, Server, ServerSentEvent, ServerStopError, SetCookie, Shutdown, StandIn, Streaming, Stub, Times, request,
};
#[cfg(feature = "tokens")]
pub use itest_fixtures::{BadToken, NewToken, SigningAlgorithm, TokenIssuer};
#[cfg(feature = "proxy")]
pub use itest_fixtures::{
    NewConnectionInjection, NewStatementInjection, Proxy, RepeatedStatement, SentStatement, StatementPattern,
    Statements, statement,
};
pub use itest_macros::{fixture, integration_test, invariant, over, teardown};
pub use itest_runtime::*;

/// The items that most suites need: `use itest::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "tracing")]
    pub use crate::Logs;
    #[cfg(feature = "proxy")]
    pub use crate::Proxy;
    #[cfg(feature = "data")]
    pub use crate::data::{Data, Factory};
    #[cfg(feature = "tokens")]
    pub use crate::{BadToken, TokenIssuer};
    #[cfg(feature = "http")]
    pub use crate::{Client, Response, Server, StandIn};
    pub use crate::{
        Durable, Fixture, Outcome, Program, Result, RunningProgram, Teardown, TempDir, TestInfo, TestRng, eventually,
        fixture, integration_test, invariant, over, skip, teardown, unavailable,
    };
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

/// The pages under `docs/`. They are included here so that `cargo test --doc` compiles their examples.
#[cfg(doctest)]
mod pages {
    #[cfg(feature = "tokens")]
    #[doc = include_str!("../docs/auth.md")]
    struct Auth;
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
    #[cfg(all(feature = "migrations", feature = "sqlite"))]
    #[doc = include_str!("../docs/migrations.md")]
    struct Migrations;
    #[cfg(feature = "tracing")]
    #[doc = include_str!("../docs/observing.md")]
    struct Observing;
    #[doc = include_str!("../docs/programs.md")]
    struct Programs;
    #[doc = include_str!("../docs/sessions.md")]
    struct Sessions;
    #[doc = include_str!("../docs/stand-ins.md")]
    struct StandIns;
    #[doc = include_str!("../docs/tests.md")]
    struct Tests;
}
