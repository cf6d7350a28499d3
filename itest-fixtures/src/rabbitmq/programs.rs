//! Finds the installed RabbitMQ, and configures a private server.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Program};

use crate::failure::failed_to;
use crate::service::{API_PORT, Account, PrivateServer, Programs, SERVER_PORT, write_secret};

/// The user with which itest administers a server that it has started.
pub(super) const ADMINISTRATOR: &str = "itest";

/// The file with the process id of a private server.
pub(super) const PID_FILE: &str = "pid";

/// The name of the configuration file in the folder of a private server.
const CONFIGURATION: &str = "rabbitmq.conf";

/// The name of the file with the plugins of a private server.
const PLUGINS: &str = "enabled_plugins";

/// The name of the node. Every private server has the same, because none is reachable by other nodes.
const NODE: &str = "itest@localhost";

/// Variables with which users change their own servers, and which would change a private one.
const VARIABLES_OF_USERS: [&str; 7] = [
    "RABBITMQ_CONFIG_FILES",
    "RABBITMQ_DEFAULT_PASS",
    "RABBITMQ_DEFAULT_USER",
    "RABBITMQ_NODE_PORT",
    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
    "RABBITMQ_SERVER_ERL_ARGS",
    "RABBITMQ_SERVER_START_ARGS",
];

/// An installed RabbitMQ.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Installation {
    server: PathBuf,
    version: String,
}

impl fmt::Display for Installation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RabbitMQ {}", self.version)
    }
}

impl Installation {
    /// The installation of a program, if it is the server itself. Debian's program on the `PATH` is a wrapper, which only root and one account may run.
    fn of(program: &Path) -> Option<Self> {
        let server = program.canonicalize().ok()?;
        let plugins = fs::read_dir(server.parent()?.parent()?.join("plugins")).ok()?;
        let mut names = plugins.filter_map(|plugin| plugin.ok()?.file_name().into_string().ok());
        let version = names.find_map(|name| version_of(&name))?;
        Some(Self { server, version })
    }
}

impl Programs for Installation {
    const NAME: &'static str = "RabbitMQ";

    /// Searches the `PATH`, and then the folders of Debian and Homebrew.
    fn find() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let standard_folders = ["/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin"];
        let folders = std::env::split_paths(&path).chain(standard_folders.map(PathBuf::from));
        folders.map(|folder| folder.join("rabbitmq-server")).find_map(|program| Self::of(&program))
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        let password = PrivateServer::new_password(folder)?;
        let configuration = format!(
            "default_user = {ADMINISTRATOR}\ndefault_pass = {}\nlog.console.level = warning\n",
            password.expose()
        );
        write_secret(&folder.join(CONFIGURATION), &configuration, account)?;
        let plugins = folder.join(PLUGINS);
        let written = fs::write(&plugins, "[rabbitmq_management].\n");
        written.map_err(|error| failed_to(&format!("write {}", plugins.display()), &error))
    }

    /// Other nodes cannot reach the node, and it is not registered, so that no daemon of Erlang remains and private servers cannot meet.
    fn server(&self, folder: &Path) -> Program {
        let data = folder.join("data");
        let nowhere = folder.join("none");
        let program = VARIABLES_OF_USERS.into_iter().fold(Program::new(&self.server), Program::env_remove);
        program
            .port(SERVER_PORT)
            .port(API_PORT)
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", NODE)
            .env("RABBITMQ_MNESIA_BASE", &data)
            .env("RABBITMQ_MNESIA_DIR", data.join("node"))
            .env("RABBITMQ_LOG_BASE", folder.join("logs"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_CONFIG_FILE", folder.join(CONFIGURATION))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", &nowhere)
            .env("RABBITMQ_CONF_ENV_FILE", &nowhere)
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join(PLUGINS))
            .env("RABBITMQ_PID_FILE", folder.join(PID_FILE))
            // With another value, the node would read commands from its standard input.
            .env("RABBITMQ_ALLOW_INPUT", "")
            .env("ERL_CRASH_DUMP_SECONDS", "0")
            .args(["-sname", NODE, "-dist_listen", "false", "-start_epmd", "false"])
            // With a port, the node does not ask the daemon for it. Nothing listens there.
            .args(["-erl_epmd_port", "1"])
            // A flag without a meaning, by which itest recognizes the process.
            .arg("-itest")
            .arg(folder)
            .args(["-rabbit", "tcp_listeners"])
            .arg(format!("[{{\"127.0.0.1\",{{port:{SERVER_PORT}}}}}]"))
            .args(["-rabbitmq_management", "tcp_config"])
            .arg(format!("[{{ip,\"127.0.0.1\"}},{{port,{{port:{API_PORT}}}}}]"))
    }
}

/// The version in the name of a plugin that every server has: `rabbit-3.10.8`, or `rabbit-4.1.0.ez`.
fn version_of(plugin: &str) -> Option<String> {
    let version = plugin.strip_prefix("rabbit-")?;
    let version = version.strip_suffix(".ez").unwrap_or(version);
    version.starts_with(|first: char| first.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_that_of_the_plugin_which_every_server_has() {
        assert_eq!(version_of("rabbit-3.10.8").as_deref(), Some("3.10.8"));
        assert_eq!(version_of("rabbit-4.1.0.ez").as_deref(), Some("4.1.0"));
        for other in ["rabbit_common-3.10.8", "rabbitmq_management-3.10.8", "rabbit-common", "README"] {
            assert_eq!(version_of(other), None, "{other}");
        }
    }
}
