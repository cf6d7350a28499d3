//! The conditions under which a service is ready, each with a real server.

use std::time::Duration;

use itest::prelude::*;
use itest::service::{AnyService, PrivateService, Readiness, ServiceOf};

use crate::nested::run;

/// The arguments of a server that needs no password.
fn without_password(program: Program, private: &PrivateService) -> Program {
    program.args(["--bind", "127.0.0.1", "--port", "{port}"]).arg("--dir").arg(private.folder())
}

macro_rules! store {
    ($name:ident, $variable:literal, $readiness:expr) => {
        #[derive(Debug)]
        pub(crate) struct $name;

        impl AnyService for $name {
            const NAME: &'static str = stringify!($name);
            const VARIABLE: &'static str = $variable;
            const PORT: u16 = 6379;
            const PROGRAM: Option<&'static str> = Some("redis-server");
            const STARTUP_TIMEOUT: Duration = Duration::from_secs(2);

            fn program(program: Program, private: &PrivateService) -> Program {
                without_password(program, private)
            }

            fn ready() -> Readiness {
                $readiness
            }
        }
    };
}

store!(ByPort, "TEST_BY_PORT", Readiness::port());
store!(ByLine, "TEST_BY_LINE", Readiness::log_line("Ready to accept connections"));
store!(ByCommand, "TEST_BY_COMMAND", Readiness::command(["redis-cli", "-h", "{host}", "-p", "{port}", "ping"]));
store!(ByHealth, "TEST_BY_HEALTH", Readiness::health_check());
store!(ByRequest, "TEST_BY_REQUEST", Readiness::http("/health"));

#[integration_test]
async fn service_is_ready(
    by_port: &ServiceOf<ByPort>,
    by_line: &ServiceOf<ByLine>,
    by_command: &ServiceOf<ByCommand>,
    by_health: &ServiceOf<ByHealth>,
) -> Result<()> {
    for url in [by_port.url(), by_line.url(), by_command.url(), by_health.url()] {
        let url = url.replace("http://", "redis://");
        assert!(crate::keys(&url).await?.is_empty(), "{url}");
    }
    Ok(())
}

#[integration_test(ignore = "only a nested run executes this test, because its service is never ready")]
fn needs_a_service_that_is_never_ready(_by_request: &ServiceOf<ByRequest>) {}

/// Redis answers a GET request by closing the connection.
#[integration_test]
async fn service_that_is_never_ready_fails_its_tests_with_its_log() -> Result<()> {
    let run = run("needs_a_service_that_is_never_ready", &["--ignored"], &[]).await?;
    run.assert_red()
        .assert_contains("the private ByRequest server does not answer")
        .assert_contains("/health was not answered with HTTP/1.1")
        .assert_contains("Ready to accept connections");
    Ok(())
}
