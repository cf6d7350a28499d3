//! A server that nested runs share. The leftover matrix of `itest-tests` uses it, too.

use std::net::SocketAddr;
use std::time::Duration;

use itest::prelude::*;
use itest::{Ready, RunningProgram};

/// A server that is shared by nested runs. Its user is `ann` with the password `s3cret`.
pub(crate) struct SharedServer {
    /// Its ports are `AMQP`, `API`, and `CONTROL` for `rabbitmqctl` with the cookie `shared`.
    pub(crate) program: RunningProgram,
}

impl SharedServer {
    /// Starts a server with these further lines of its configuration, under the account of the tests, also if that is root.
    pub(crate) async fn start(configuration: &str, teardown: &Teardown) -> Result<Self> {
        let program = ["/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin"];
        let program = program.iter().map(|folder| std::path::Path::new(folder).join("rabbitmq-server"));
        let Some(program) = program.into_iter().find(|program| program.is_file()) else {
            unavailable!("rabbitmq-server", "apt-get install rabbitmq-server")
        };
        // Each server has its own configuration.
        let name = format!("rabbitmq-shared-{}-{}", std::process::id(), configuration.len());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        let removed = folder.clone();
        teardown.defer("remove the folder of the server", async move { std::fs::remove_dir_all(removed) });
        std::fs::write(
            folder.join("rabbitmq.conf"),
            format!("default_user = ann\ndefault_pass = s3cret\n{configuration}"),
        )?;
        std::fs::write(folder.join("enabled_plugins"), "[rabbitmq_management].\n")?;
        let none = folder.join("none");
        let program = Program::new(program)
            .port("AMQP")
            .port("API")
            .port("CONTROL")
            .env("HOME", &folder)
            .env("RABBITMQ_NODENAME", "shared@localhost")
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("logs"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", &none)
            .env("RABBITMQ_CONF_ENV_FILE", &none)
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .args([
                "-sname",
                "shared@localhost",
                "-setcookie",
                "shared",
                "-start_epmd",
                "false",
                "-erl_epmd_port",
                "{port:CONTROL}",
                "-kernel",
                "inet_dist_use_interface",
                "{127,0,0,1}",
            ])
            .args(["-rabbit", "tcp_listeners", "[{\"127.0.0.1\",{port:AMQP}}]"])
            .args(["-rabbitmq_management", "tcp_config", "[{ip,\"127.0.0.1\"},{port,{port:API}}]"])
            .ready_when(Ready::port("AMQP"))
            .startup_timeout(Duration::from_mins(1))
            .shutdown_timeout(Duration::from_secs(20))
            .start(teardown)
            .await?;
        Ok(Self { program })
    }

    /// The address of the management API.
    pub(crate) fn api(&self) -> Result<SocketAddr> {
        self.program.address("API")
    }

    /// The variables with which a run uses the server.
    pub(crate) fn variables(&self) -> Result<[(&'static str, String); 2]> {
        let (amqp, api) = (self.program.address("AMQP")?, self.api()?);
        Ok([
            ("ITEST_RABBITMQ_URL", format!("amqp://ann:s3cret@{amqp}")),
            ("ITEST_RABBITMQ_MANAGEMENT_URL", format!("http://{api}")),
        ])
    }
}
