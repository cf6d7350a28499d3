//! MariaDB and MySQL as a service: how itest finds or starts a server.

use sqlx::Connection;

use itest_runtime::Error;

use super::connection::{MysqlDriver, connect_once};
use super::programs::Installation;
#[cfg(feature = "containers")]
use super::programs::SETTINGS;
use crate::database::{ALLOW_VARIABLE, APPLICATION_VARIABLE, Server};
#[cfg(feature = "containers")]
use crate::service::container::{ContainerSettings, MEMORY};
#[cfg(feature = "containers")]
use crate::service::private_connections;
use crate::service::{Address, Service, declare_service_settings};

declare_service_settings!("mysql", "MariaDB or MySQL", image = "mariadb:11");

impl Service for MysqlDriver {
    const NAME: &'static str = "MariaDB or MySQL";
    const ID: &'static str = "mysql";
    const VARIABLE: &'static str = "ITEST_MYSQL";
    const APPLICATION_VARIABLE: &'static str = APPLICATION_VARIABLE;
    const ALLOW_VARIABLE: &'static str = ALLOW_VARIABLE;
    const NAMESPACE: &'static str = "database";
    const URL_SCHEMES: &'static [&'static str] = &["mysql://", "mariadb://"];

    type Programs = Installation;
    const INSTALLATION: &'static str =
        "install it (Debian: apt-get install mariadb-server; macOS: brew install mariadb)";
    const ACCOUNTS: &'static [&'static str] = &["mysql", "nobody"];
    const PID_FILE: &'static str = "pid";

    #[cfg(feature = "containers")]
    const IMAGE: Option<&'static str> = Some("mariadb:11");
    const PORT: u16 = 3306;

    #[cfg(feature = "containers")]
    fn container() -> ContainerSettings {
        // The arguments contain no program name, because the images of MariaDB and of MySQL start their own server with them.
        let own = [
            format!("--datadir={MEMORY}/data"),
            format!("--max-connections={}", private_connections()),
            // Otherwise the server looks up the name of each client, which takes longer than a login may take if no name server answers.
            "--skip-name-resolve".to_owned(),
        ];
        ContainerSettings {
            environment: Vec::new(),
            // The images of MariaDB read both variables; those of MySQL read only the second one.
            password_variables: vec!["MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD"],
            arguments: SETTINGS.map(str::to_owned).into_iter().chain(own).collect(),
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
