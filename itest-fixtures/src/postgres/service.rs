//! PostgreSQL as a service: how itest finds or starts a server.

use std::path::{Path, PathBuf};

use sqlx::Connection;

use itest_runtime::{Durable, Error, Program};

#[cfg(feature = "containers")]
use super::address::SUPERUSER;
use super::address::{PID_FILE, SOCKET_PORT};
use super::connection::{PostgresDriver, connect_once};
use super::data_directory::initialize;
use super::programs::Installation;
#[cfg(feature = "containers")]
use super::settings::{SETTINGS, WAL_SEGMENT_SIZE};
use super::stop::stop_postgres;
use crate::database::{ALLOW_VARIABLE, APPLICATION_VARIABLE, Server};
#[cfg(feature = "containers")]
use crate::service::container::{ContainerSettings, MEMORY};
use crate::service::{Account, Address, Programs, Service, declare_service_settings, private_connections};

declare_service_settings!("postgres", "PostgreSQL", image = "postgres:17-alpine");

impl Service for PostgresDriver {
    const NAME: &'static str = "PostgreSQL";
    const ID: &'static str = "postgres";
    const VARIABLE: &'static str = "ITEST_POSTGRES";
    const APPLICATION_VARIABLE: &'static str = APPLICATION_VARIABLE;
    const ALLOW_VARIABLE: &'static str = ALLOW_VARIABLE;
    const NAMESPACE: &'static str = "database";
    const URL_SCHEMES: &'static [&'static str] = &["postgres://", "postgresql://"];

    type Programs = Installation;
    const INSTALLATION: &'static str =
        "install it (Debian: apt-get install postgresql; macOS: brew install postgresql)";
    const ACCOUNTS: &'static [&'static str] = &["postgres", "nobody"];
    const PID_FILE: &'static str = PID_FILE;
    const STOP: Option<fn(PathBuf) -> Durable<PathBuf>> = Some(stop_postgres);

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = Some("postgres:17-alpine");
    const PORT: u16 = 5432;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        let connections = private_connections().to_string();
        let settings = SETTINGS.into_iter().chain([("max_connections", connections.as_str())]);
        let settings = settings.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]);
        ContainerSettings {
            environment: vec![
                ("POSTGRES_USER", SUPERUSER.to_owned()),
                ("PGDATA", format!("{MEMORY}/data")),
                ("POSTGRES_INITDB_ARGS", format!("--no-sync --encoding=UTF8 {WAL_SEGMENT_SIZE}")),
            ],
            password_variables: vec!["POSTGRES_PASSWORD"],
            arguments: std::iter::once("postgres".to_owned()).chain(settings).collect(),
        }
    }

    type Server = Server<Self>;

    async fn probe(address: &Address) -> Result<(), Error> {
        let _ = connect_once(address).await?.close().await;
        Ok(())
    }

    async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<Self::Server, Error> {
        Server::open(address, variable, not_used).await
    }
}

impl Programs for Installation {
    const NAME: &'static str = "PostgreSQL";

    fn find() -> Option<Self> {
        Self::newest()
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        initialize(self, &folder.join("data"), account)
    }

    fn server(&self, folder: &Path) -> Program {
        Program::new(self.path("postgres"))
            .arg("-D")
            .arg(folder.join("data"))
            .arg("-k")
            .arg(folder)
            .args(["-p".to_owned(), SOCKET_PORT.to_string()])
            .args(["-c".to_owned(), format!("max_connections={}", private_connections())])
    }
}
