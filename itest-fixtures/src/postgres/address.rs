//! Where a server is, in a form that crosses from one process to another without its password.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;

use itest_runtime::__private::variable;
use itest_runtime::Error;

#[cfg(feature = "containers")]
use crate::database::container::Container;
use crate::database::private::{last_words, running};
use crate::database::{encoded, with_database};

/// The superuser of private clusters.
pub(super) const SUPERUSER: &str = "postgres";

/// The file with a private cluster's process number.
pub(super) const NOTE: &str = "data/postmaster.pid";

/// The port in the name of a private cluster's socket.
pub(super) const SOCKET_PORT: u16 = 5432;

/// Where a server is. The password stays in the environment, where every process of the run finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Address {
    /// In the URL that a variable holds.
    Variable(String),
    /// A socket in a folder: a private cluster.
    Socket(PathBuf),
    /// A port of a container: it is private, too.
    #[cfg(feature = "containers")]
    Container(Container),
}

impl Address {
    /// How to connect to one of the server's databases; `None` is the one that the URL names.
    pub(super) fn options(&self, database: Option<&str>) -> Result<PgConnectOptions, Error> {
        let options = match self {
            Self::Variable(name) => {
                let given = url(name)?;
                // The parser takes what has no scheme for a name of its own.
                if !(given.starts_with("postgres://") || given.starts_with("postgresql://")) {
                    return Err(not_a_url(name));
                }
                // The parser's own message may hold the text, and the text a password.
                PgConnectOptions::from_str(&given).map_err(|_| not_a_url(name))?
            }
            Self::Socket(folder) => PgConnectOptions::new_without_pgpass()
                .socket(folder)
                .port(SOCKET_PORT)
                .username(SUPERUSER)
                .database("postgres"),
            #[cfg(feature = "containers")]
            Self::Container(Container { host, port, password, .. }) => PgConnectOptions::new_without_pgpass()
                .host(host)
                .port(*port)
                .username(SUPERUSER)
                .password(password.expose())
                .database("postgres"),
        };
        Ok(match database {
            Some(database) => options.database(database),
            None => options,
        })
    }

    /// A URL of one of the server's databases, with everything that is needed to connect, also the password.
    pub(super) fn url(&self, database: &str, settings: Option<&str>) -> Result<String, Error> {
        let url = match self {
            Self::Variable(name) => with_database(&url(name)?, database),
            Self::Socket(folder) => socket_url(folder, database),
            #[cfg(feature = "containers")]
            Self::Container(Container { host, port, password, .. }) => {
                format!("postgres://{SUPERUSER}:{}@{host}:{port}/{database}", password.expose())
            }
        };
        Ok(match settings {
            Some(settings) => {
                format!("{url}{}options={}", if url.contains('?') { '&' } else { '?' }, encoded(settings))
            }
            None => url,
        })
    }

    /// Whether this is a private server that has ended.
    pub(super) fn is_over(&self) -> bool {
        let Self::Socket(folder) = self else { return false };
        running(folder, NOTE).is_none()
    }

    /// What a private server that has ended said last.
    pub(super) fn last_words(&self) -> String {
        let Self::Socket(folder) = self else { return String::new() };
        format!("; the server has ended, and said last:\n{}", last_words(folder))
    }

    /// In words, without user and password.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Variable(name) => {
                let place = self.options(None).map(|options| place(&options)).unwrap_or_default();
                format!("{place} (from {name})")
            }
            Self::Socket(folder) => format!("a private server in {}", folder.display()),
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
        if let Self::Container(Container { name, .. }) = self {
            // Inside, the server asks nobody for a password.
            return Ok(format!("docker exec -it {name} psql -U {SUPERUSER} {database}"));
        }
        Ok(client_command(&self.options(None)?, database))
    }
}

fn client_command(options: &PgConnectOptions, database: &str) -> String {
    let host =
        options.get_socket().map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
    format!("psql -h {host} -p {} -U {} {database}", options.get_port(), options.get_username())
}

/// Host and port, or the socket's folder.
fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

fn url(variable_name: &str) -> Result<String, Error> {
    variable(variable_name).ok_or_else(|| Error::new(format!("the variable {variable_name} is not set any more")))
}

fn not_a_url(name: &str) -> Error {
    Error::new(format!("{name} is no URL of PostgreSQL; it looks like postgres://user:password@host:5432/database"))
}

fn socket_url(folder: &Path, database: &str) -> String {
    let folder = encoded(&folder.to_string_lossy());
    format!("postgres:///{database}?host={folder}&port={SOCKET_PORT}&user={SUPERUSER}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_socket_says_what_its_options_say() {
        let address = Address::Socket(PathBuf::from("/dev/shm/a folder"));
        let url = address.url("shop", Some("-c search_path=one")).unwrap();
        let options = PgConnectOptions::from_str(&url).unwrap();
        assert_eq!(options.get_socket().map(PathBuf::as_path), Some(Path::new("/dev/shm/a folder")));
        assert_eq!((options.get_database(), options.get_username()), (Some("shop"), SUPERUSER));
        assert_eq!(options.get_options(), Some("-c search_path=one"));
    }

    #[test]
    fn the_clients_command_says_where_and_not_how_to_get_in() {
        let told = client_command(&"postgres://ann:s3cret@db.test:5433/shop".parse().unwrap(), "itest_1");
        assert_eq!(told, "psql -h db.test -p 5433 -U ann itest_1");
        let told = Address::Socket(PathBuf::from("/run/a")).client_command("itest_1").unwrap();
        assert_eq!(told, "psql -h /run/a -p 5432 -U postgres itest_1");
    }
}
