//! Where a server is, in a form that crosses from one process to another without its password.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::mysql::MySqlConnectOptions;

use itest_runtime::__private::variable;
use itest_runtime::Error;

#[cfg(feature = "containers")]
use crate::database::container::Container;
use crate::database::private::{last_words, running};
use crate::database::{encoded, with_database};

/// The superuser of private servers.
const SUPERUSER: &str = "root";

/// Where a server is. The password stays in the environment, where every process of the run finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Address {
    /// In the URL that a variable holds.
    Variable(String),
    /// A socket: a private server.
    Socket(PathBuf),
    /// A port of a container: it is private, too.
    #[cfg(feature = "containers")]
    Container(Container),
}

impl Address {
    /// How to connect to one of the server's databases.
    pub(super) fn options(&self, database: Option<&str>) -> Result<MySqlConnectOptions, Error> {
        let options = match self {
            Self::Variable(name) => {
                let given = url(name)?;
                // The parser takes what has no scheme for a name of its own.
                if !(given.starts_with("mysql://") || given.starts_with("mariadb://")) {
                    return Err(not_a_url(name));
                }
                // The parser's own message may hold the text, and the text a password.
                MySqlConnectOptions::from_str(&given).map_err(|_| not_a_url(name))?
            }
            Self::Socket(socket) => MySqlConnectOptions::new().socket(socket).username(SUPERUSER),
            #[cfg(feature = "containers")]
            Self::Container(Container { host, port, password, .. }) => {
                MySqlConnectOptions::new().host(host).port(*port).username(SUPERUSER).password(password.expose())
            }
        };
        Ok(match database {
            Some(database) => options.database(database),
            None => options,
        })
    }

    /// A URL of one of the server's databases, with everything that is needed to connect, also the password.
    pub(super) fn url(&self, database: &str) -> Result<String, Error> {
        Ok(match self {
            Self::Variable(name) => with_database(&url(name)?, database),
            Self::Socket(socket) => {
                let socket = encoded(&socket.to_string_lossy());
                format!("mysql://{SUPERUSER}@localhost/{database}?socket={socket}")
            }
            #[cfg(feature = "containers")]
            Self::Container(Container { host, port, password, .. }) => {
                format!("mysql://{SUPERUSER}:{}@{host}:{port}/{database}", password.expose())
            }
        })
    }

    /// Where a private server keeps a database.
    pub(super) fn folder(&self, database: &str) -> Option<PathBuf> {
        let Self::Socket(socket) = self else { return None };
        Some(socket.with_file_name("data").join(database))
    }

    /// Whether this is a private server that has ended.
    pub(super) fn is_over(&self) -> bool {
        let Self::Socket(socket) = self else { return false };
        running(folder(socket), "pid").is_none()
    }

    /// What a private server that has ended said last.
    pub(super) fn last_words(&self) -> String {
        let Self::Socket(socket) = self else { return String::new() };
        format!("; the server has ended, and said last:\n{}", last_words(folder(socket)))
    }

    /// In words, without user and password.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Variable(name) => {
                let options = self.options(None);
                let place = options.map(|options| format!("{}:{}", options.get_host(), options.get_port()));
                format!("{} (from {name})", place.unwrap_or_default())
            }
            Self::Socket(socket) => format!("a private server on {}", socket.display()),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.in_words(),
        }
    }

    /// Nothing on the server outlives the run.
    pub(super) fn is_private(&self) -> bool {
        !matches!(self, Self::Variable(_))
    }

    /// What shows a database to a person; no password is in it.
    pub(super) fn client_command(&self, database: &str) -> Result<String, Error> {
        #[cfg(feature = "containers")]
        if let Self::Container(Container { name, image, .. }) = self {
            // Inside, the password is where the image was given it.
            let client = if image.contains("mysql") { "mysql" } else { "mariadb" };
            let client = format!("{client} --user={SUPERUSER} --password=\"$MYSQL_ROOT_PASSWORD\" {database}");
            return Ok(format!("docker exec -it {name} sh -c '{client}'"));
        }
        Ok(client_command(&self.options(None)?, database))
    }
}

fn client_command(options: &MySqlConnectOptions, database: &str) -> String {
    let place = match options.get_socket() {
        Some(socket) => format!("--socket={}", socket.display()),
        None => format!("--host={} --port={}", options.get_host(), options.get_port()),
    };
    format!("mariadb {place} --user={} {database}", options.get_username())
}

/// Where a private server keeps its socket, and everything else.
fn folder(socket: &Path) -> &Path {
    socket.parent().unwrap_or(socket)
}

fn url(variable_name: &str) -> Result<String, Error> {
    variable(variable_name).ok_or_else(|| Error::new(format!("the variable {variable_name} is not set any more")))
}

fn not_a_url(name: &str) -> Error {
    Error::new(format!("{name} is no URL of MariaDB or MySQL; it looks like mysql://user:password@host:3306/database"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_command_says_where_and_not_how_to_get_in() {
        let told = client_command(&"mysql://ann:s3cret@db.test:3307/shop".parse().unwrap(), "itest_1");
        assert_eq!(told, "mariadb --host=db.test --port=3307 --user=ann itest_1");
        let told = Address::Socket(PathBuf::from("/run/a")).client_command("itest_1").unwrap();
        assert_eq!(told, "mariadb --socket=/run/a --user=root itest_1");
    }
}
