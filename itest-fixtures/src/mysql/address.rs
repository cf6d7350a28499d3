//! Where a server is, in a form that crosses from one process to another without its password.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::mysql::MySqlConnectOptions;

use itest_runtime::__private::variable;
use itest_runtime::Error;

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
}

impl Address {
    /// How to connect to one of the server's databases.
    pub(super) fn options(&self, database: Option<&str>) -> Result<MySqlConnectOptions, Error> {
        let options = match self {
            Self::Variable(name) => {
                // The parser's own message may hold the text, and the text a password.
                MySqlConnectOptions::from_str(&url(name)?).map_err(|_| not_a_url(name))?
            }
            Self::Socket(socket) => MySqlConnectOptions::new().socket(socket).username(SUPERUSER),
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
        })
    }

    /// Where a private server keeps a database.
    pub(super) fn folder(&self, database: &str) -> Option<PathBuf> {
        match self {
            Self::Variable(_) => None,
            Self::Socket(socket) => Some(socket.with_file_name("data").join(database)),
        }
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
        }
    }
}

fn url(variable_name: &str) -> Result<String, Error> {
    variable(variable_name).ok_or_else(|| Error::new(format!("the variable {variable_name} is not set any more")))
}

fn not_a_url(name: &str) -> Error {
    Error::new(format!("{name} is no URL of MariaDB or MySQL; it looks like mysql://user:password@host:3306/database"))
}
