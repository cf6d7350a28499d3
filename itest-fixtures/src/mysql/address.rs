//! Connection options, URLs and client commands for a MariaDB or MySQL server.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;

use itest_runtime::__private::quote;
use itest_runtime::Error;

use super::connection::MysqlDriver;
use crate::database::{DatabaseUrl, Locate, encoded, password_of, with_database};
#[cfg(feature = "containers")]
use crate::service::container::Container;
use crate::service::url::{ENCODE, is_readable, url_of};
use crate::service::{Address, PrivateServer, Service as _};

/// The superuser of private servers and of servers in containers.
const SUPERUSER: &str = "root";

/// The path of a private server's socket.
pub(super) fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// The folder in which a private server keeps the files of a database.
pub(super) fn folder_of_database(address: &Address, database: &str) -> Option<PathBuf> {
    address.private().map(|server| server.folder.join("data").join(database))
}

impl Locate for MysqlDriver {
    fn options(address: &Address, database: Option<&str>) -> Result<MySqlConnectOptions, Error> {
        let options = match address {
            Address::Variable(name) => {
                let url = url_of(name)?;
                if !is_readable(&url, MysqlDriver::URL_SCHEMES) {
                    return Err(not_a_url(name));
                }
                // The parser's message is left out, because it may quote the URL with its password.
                MySqlConnectOptions::from_str(&url).map_err(|_| not_a_url(name))?
            }
            Address::Private(PrivateServer { folder, .. }) => {
                MySqlConnectOptions::new().socket(socket(folder)).username(SUPERUSER)
            }
            #[cfg(feature = "containers")]
            Address::Container(Container { host, port, password, .. }) => {
                MySqlConnectOptions::new().host(host).port(*port).username(SUPERUSER).password(password.expose())
            }
        };
        Ok(match database {
            Some(database) => options.database(database),
            None => options,
        })
    }

    fn url(address: &Address, database: &str) -> Result<DatabaseUrl, Error> {
        let url = match address {
            Address::Variable(name) => with_database(&url_of(name)?, database),
            Address::Private(PrivateServer { folder, .. }) => {
                let socket = encoded(&socket(folder).to_string_lossy());
                format!("mysql://{SUPERUSER}@localhost/{database}?socket={socket}")
            }
            #[cfg(feature = "containers")]
            Address::Container(Container { host, port, password, .. }) => {
                format!("mysql://{SUPERUSER}:{}@{host}:{port}/{database}", password.expose())
            }
        };
        let options = Self::options(address, Some(database))?;
        Ok(DatabaseUrl {
            host: options.get_host().to_owned(),
            port: options.get_port(),
            socket: options.get_socket().cloned(),
            user: options.get_username().to_owned(),
            password: password_of(&url),
            database: database.to_owned(),
            url,
        })
    }

    fn place(address: &Address) -> String {
        let options = Self::options(address, None);
        options.map(|options| format!("{}:{}", options.get_host(), options.get_port())).unwrap_or_default()
    }

    fn client_command(address: &Address, database: &str) -> Result<String, Error> {
        #[cfg(feature = "containers")]
        if let Address::Container(Container { name, image, .. }) = address {
            // Inside of the container, the password is in an environment variable of the image.
            let client = if image.contains("mysql") { "mysql" } else { "mariadb" };
            let client = format!("{client} --user={SUPERUSER} --password=\"$MYSQL_ROOT_PASSWORD\" {database}");
            return Ok(format!("docker exec -it {name} sh -c '{client}'"));
        }
        Ok(client_command(&Self::options(address, None)?, database))
    }
}

fn client_command(options: &MySqlConnectOptions, database: &str) -> String {
    let endpoint = match options.get_socket() {
        Some(socket) => format!("--socket={}", quote(&socket.to_string_lossy())),
        None => format!("--host={} --port={}", quote(options.get_host()), options.get_port()),
    };
    format!("mariadb {endpoint} --user={} {}", quote(options.get_username()), quote(database))
}

fn not_a_url(name: &str) -> Error {
    Error::new(format!(
        "{name} is no URL of MariaDB or MySQL; write it as mysql://user:password@host:3306/database; {ENCODE}"
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn client_command_contains_no_password() {
        let command = client_command(&"mysql://ann:s3cret@db.test:3307/shop".parse().unwrap(), "itest_1");
        assert_eq!(command, "mariadb --host=db.test --port=3307 --user=ann itest_1");
        let private = Address::Private(PrivateServer::new(PathBuf::from("/run/a b"), "pid"));
        let command = MysqlDriver::client_command(&private, "itest_1").unwrap();
        assert_eq!(command, "mariadb --socket='/run/a b/socket' --user=root itest_1");
    }
}
