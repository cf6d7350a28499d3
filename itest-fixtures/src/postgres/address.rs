//! Connection options, URLs and client commands for a PostgreSQL server.

use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use itest_runtime::__private::quote;
use itest_runtime::Error;

use super::connection::PostgresDriver;
use crate::database::{DatabaseUrl, Locate, encoded, password_of, with_database};
#[cfg(feature = "containers")]
use crate::service::container::Container;
use crate::service::url::{ENCODE, is_readable, url_of};
use crate::service::{Address, PrivateServer, Service as _};

/// The superuser of private servers and of servers in containers.
pub(super) const SUPERUSER: &str = "postgres";

/// The file with the process id of a private server, relative to its folder.
pub(super) const PID_FILE: &str = "data/postmaster.pid";

/// The port number in the name of a private server's socket.
pub(super) const SOCKET_PORT: u16 = 5432;

/// The parameters of a URL that sqlx supports. sqlx also supports all parameters whose names begin with `options`.
const PARAMETERS: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
];

impl Locate for PostgresDriver {
    fn options(address: &Address, database: Option<&str>) -> Result<PgConnectOptions, Error> {
        let options = match address {
            Address::Variable(name) => {
                let url = url_of(name)?;
                if !is_readable(&url, PostgresDriver::URL_SCHEMES) {
                    return Err(not_a_url(name));
                }
                let known = keep_parameters(&url, |name| PARAMETERS.contains(&name) || name.starts_with("options"));
                // The parser's message is left out, because it may quote the URL with its password.
                PgConnectOptions::from_str(&known).map_err(|_| not_a_url(name))?
            }
            Address::Private(PrivateServer { folder, .. }) => PgConnectOptions::new_without_pgpass()
                .socket(folder)
                .port(SOCKET_PORT)
                .username(SUPERUSER)
                .database("postgres"),
            #[cfg(feature = "containers")]
            Address::Container(Container { host, port, password, .. }) => PgConnectOptions::new_without_pgpass()
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

    fn url(address: &Address, database: &str) -> Result<DatabaseUrl, Error> {
        let url = match address {
            Address::Variable(name) => with_database(&url_of(name)?, database),
            Address::Private(PrivateServer { folder, .. }) => socket_url(folder, database),
            #[cfg(feature = "containers")]
            Address::Container(Container { host, port, password, .. }) => {
                format!("postgres://{SUPERUSER}:{}@{host}:{port}/{}", password.expose(), encoded(database))
            }
        };
        let options = Self::options(address, Some(database))?;
        Ok(DatabaseUrl {
            host: host_of(&options),
            port: options.get_port(),
            socket: None,
            user: options.get_username().to_owned(),
            password: password_of(&url),
            database: database.to_owned(),
            url,
        })
    }

    fn place(address: &Address) -> String {
        let Ok(options) = Self::options(address, None) else { return String::new() };
        match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        }
    }

    fn client_command(address: &Address, database: &str) -> Result<String, Error> {
        #[cfg(feature = "containers")]
        if let Address::Container(Container { name, .. }) = address {
            // Inside of the container, the server accepts local connections without a password.
            return Ok(format!("docker exec -it {name} psql -U {SUPERUSER} {database}"));
        }
        Ok(psql(&Self::options(address, None)?, database))
    }
}

/// Adds settings of the session to a URL.
pub(super) fn with_settings(url: &str, settings: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options={}", encoded(settings))
}

fn psql(options: &PgConnectOptions, database: &str) -> String {
    let (host, user, database) = (quote(&host_of(options)), quote(options.get_username()), quote(database));
    format!("psql -h {host} -p {} -U {user} {database}", options.get_port())
}

/// The host, or the folder of the socket, which the clients of PostgreSQL accept in its place.
fn host_of(options: &PgConnectOptions) -> String {
    options.get_socket().map_or_else(|| options.get_host().to_owned(), |socket| socket.to_string_lossy().into_owned())
}

fn not_a_url(name: &str) -> Error {
    Error::new(format!(
        "{name} is no URL of PostgreSQL; write it as postgres://user:password@host:5432/database; {ENCODE}"
    ))
}

/// Removes the unknown parameters from a URL. sqlx would log them with their values, and some of them are passwords of other libraries.
fn keep_parameters(url: &str, is_known: impl Fn(&str) -> bool) -> String {
    let Some((begin, query)) = url.split_once('?') else { return url.to_owned() };
    let kept: Vec<&str> =
        query.split('&').filter(|pair| is_known(pair.split('=').next().unwrap_or_default())).collect();
    if kept.is_empty() { begin.to_owned() } else { format!("{begin}?{}", kept.join("&")) }
}

fn socket_url(folder: &Path, database: &str) -> String {
    let (folder, database) = (encoded(&folder.to_string_lossy()), encoded(database));
    format!("postgres:///{database}?host={folder}&port={SOCKET_PORT}&user={SUPERUSER}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn private(folder: &str) -> Address {
        Address::Private(PrivateServer::new(PathBuf::from(folder), PID_FILE))
    }

    #[test]
    fn url_of_a_private_server_is_parsed_to_the_same_options() {
        let url = PostgresDriver::url(&private("/dev/shm/a folder"), "a shop?").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.user.as_str()), ("/dev/shm/a folder", SOCKET_PORT, SUPERUSER));
        assert_eq!((url.password, url.database.as_str()), (None, "a shop?"));
        let url = url.url;
        let url = with_settings(&url, "-c search_path=one");
        let options = PgConnectOptions::from_str(&url).unwrap();
        assert_eq!(options.get_socket().map(PathBuf::as_path), Some(Path::new("/dev/shm/a folder")));
        assert_eq!((options.get_database(), options.get_username()), (Some("a shop?"), SUPERUSER));
        assert_eq!(options.get_options(), Some("-c search_path=one"));
    }

    #[test]
    fn client_command_contains_no_password() {
        let command = psql(&"postgres://ann:s3cret@db.test:5433/shop".parse().unwrap(), "itest_1");
        assert_eq!(command, "psql -h db.test -p 5433 -U ann itest_1");
        let command = PostgresDriver::client_command(&private("/run/a b"), "itest_1").unwrap();
        assert_eq!(command, "psql -h '/run/a b' -p 5432 -U postgres itest_1");
    }

    #[test]
    fn unknown_parameters_are_removed_from_a_url() {
        let known = |name: &str| name == "host" || name.starts_with("options");
        let url = "a://h/d?passwd=1&host=/tmp&options%5Bx%5D=2&flag";
        assert_eq!(keep_parameters(url, known), "a://h/d?host=/tmp&options%5Bx%5D=2");
        assert_eq!(keep_parameters("a://h/d?passwd=1", known), "a://h/d");
        assert_eq!(keep_parameters("a://h/d", known), "a://h/d");
    }
}
