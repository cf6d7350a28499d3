//! Queries the properties of a MariaDB or MySQL server, and checks whether it looks like a server for tests.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::MysqlDriver;
use crate::database::{Facts, Inspect, Locate as _, OrFailedTo as _, failed_to};
use crate::service::{Address, Target, refuse_unless_for_tests};

/// The oldest supported version of each product: major and minor.
const MIN_VERSIONS: [(&str, [u32; 2]); 2] = [("MariaDB", [10, 6]), ("MySQL", [8, 0])];

/// The properties of a MariaDB or MySQL server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MysqlFacts {
    /// The version in the server's notation: `10.11.6-MariaDB-0+deb12u1`.
    version: String,
    max_connections: u32,
}

impl MysqlFacts {
    /// Queries the properties of a server.
    pub(super) async fn of(address: &Address, connection: &mut MySqlConnection) -> Result<Self, Error> {
        let place = || address.in_words(|| MysqlDriver::place(address));
        let query = "SELECT version(), CAST(@@max_connections AS SIGNED), CAST(@@max_user_connections AS SIGNED)";
        let row = sqlx::query_as(query).fetch_one(connection).await;
        let row = row.map_err(|error| failed_to(&format!("query version and settings of {}", place()), &error))?;
        let (version, server_limit, user_limit): (String, i64, i64) = row;
        if is_too_old(&version) {
            let (product, version) = product_and_version(&version);
            let oldest =
                MIN_VERSIONS.map(|(product, [major, minor])| format!("{product} {major}.{minor}")).join(" or ");
            let place = place();
            return Err(Error::new(format!("{place} is {product} {version}; itest needs {oldest}, or a later one")));
        }
        // A user limit of zero means that there is no such limit.
        let max_connections = if user_limit > 0 { server_limit.min(user_limit) } else { server_limit };
        Ok(Self { version, max_connections: u32::try_from(max_connections).unwrap_or(u32::MAX) })
    }
}

impl Facts for MysqlFacts {
    fn product(&self) -> &'static str {
        product_and_version(&self.version).0
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn max_connections(&self) -> u32 {
        self.max_connections
    }
}

impl fmt::Display for MysqlFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (product, version) = product_and_version(&self.version);
        write!(formatter, "{product} {version}")
    }
}

impl Inspect for MysqlDriver {
    type Facts = MysqlFacts;

    async fn facts(address: &Address, connection: &mut MySqlConnection) -> Result<MysqlFacts, Error> {
        MysqlFacts::of(address, connection).await
    }

    async fn refuse_foreign(variable: &str, address: &Address, connection: &mut MySqlConnection) -> Result<(), Error> {
        let options = Self::options(address, None)?;
        let database = options.get_database().unwrap_or_default();
        let target = Target {
            variable,
            host: options.get_host(),
            is_socket: options.get_socket().is_some(),
            namespace: database,
        };
        refuse_unless_for_tests::<Self>(target, foreign_tables(database, connection)).await
    }

    fn explain_missing_rights(address: &Address, _: &MysqlFacts, error: &Error) -> Error {
        if !error.to_string().contains("denied") {
            return Error::new(error.to_string());
        }
        let user = Self::options(address, None).map(|options| options.get_username().to_owned()).unwrap_or_default();
        Error::new(format!(
            "{error}; itest makes databases whose names begin with itest_, and needs all rights in these: GRANT ALL ON \
             `itest\\_%`.* TO {user}"
        ))
    }
}

/// Parses the product and the version from a server's version text: `10.11.6-MariaDB-0+deb12u1`.
fn product_and_version(text: &str) -> (&'static str, &str) {
    let product = if text.contains("MariaDB") { "MariaDB" } else { "MySQL" };
    (product, text.split('-').next().unwrap_or_default())
}

fn is_too_old(text: &str) -> bool {
    let (product, version) = product_and_version(text);
    let version: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).take(2).collect();
    MIN_VERSIONS.iter().any(|(known, oldest)| *known == product && version.as_slice() < oldest.as_slice())
}

/// Reports tables in the database of the URL, because a database with tables seems to be in use for something else. A name that contains
/// `test`, and the server's own database `mysql`, are allowed.
async fn foreign_tables(database: &str, connection: &mut MySqlConnection) -> Result<Option<String>, Error> {
    if database.is_empty() || database.contains("test") || database == "mysql" {
        return Ok(None);
    }
    let tables = sqlx::query_scalar("SELECT count(*) FROM information_schema.tables WHERE table_schema = ?");
    let tables: i64 =
        tables.bind(database).fetch_one(connection).await.or_failed_to("look at the server's database")?;
    Ok((tables > 0).then(|| format!("its database, {database}, contains tables that itest did not create")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_and_version_are_parsed_from_the_server_version() {
        assert_eq!(product_and_version("10.11.6-MariaDB-0+deb12u1"), ("MariaDB", "10.11.6"));
        assert_eq!(product_and_version("8.0.36"), ("MySQL", "8.0.36"));
        for new in ["10.6.0-MariaDB", "10.11.6-MariaDB-log", "11.4.2-MariaDB", "8.0.11", "9.1.0"] {
            assert!(!is_too_old(new), "{new}");
        }
        for old in ["10.5.29-MariaDB", "5.5.68-MariaDB", "5.7.44", "5.7.44-log"] {
            assert!(is_too_old(old), "{old}");
        }
    }
}
