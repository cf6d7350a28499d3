//! Connections to a database server.

use std::fmt::Debug;

use sqlx::Connection as _;

use itest_runtime::Error;

use super::url::DatabaseUrl;
use crate::service::Address;

/// A connection that itest uses for itself, and not a test.
pub(crate) type Connection<D> = <<D as Connect>::Sqlx as sqlx::Database>::Connection;

/// The connection options of sqlx.
pub(crate) type Options<D> = <Connection<D> as sqlx::Connection>::Options;

/// A database server that itest can connect to and send statements to.
pub(crate) trait Connect: Debug + Sized + Send + Sync + 'static {
    /// The database type of sqlx.
    type Sqlx: sqlx::Database;

    /// Quotes a text as an SQL literal.
    fn literal(text: &str) -> String;

    /// Connects to a database. `None` is the database that the URL names.
    fn connect(
        address: &Address,
        database: Option<&str>,
    ) -> impl Future<Output = Result<Connection<Self>, Error>> + Send;

    /// Runs statements and ignores their results.
    fn run(
        connection: &mut Connection<Self>,
        action: &str,
        sql: String,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Runs a query with one column and returns its values.
    fn column(
        connection: &mut Connection<Self>,
        action: &str,
        sql: String,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
}

/// A database server for which itest can make connection options, URLs and client commands.
pub(crate) trait Locate: Connect {
    /// The options to connect to a database. `None` is the database that the URL names.
    ///
    /// # Errors
    ///
    /// When the variable holds no URL of such a server.
    fn options(address: &Address, database: Option<&str>) -> Result<Options<Self>, Error>;

    /// The URL of a database, with its parts.
    ///
    /// # Errors
    ///
    /// When the variable with the URL is not set any more.
    fn url(address: &Address, database: &str) -> Result<DatabaseUrl, Error>;

    /// The host and the port of the URL, without user and password.
    fn place(address: &Address) -> String;

    /// The command with which the user opens a database in a client. It contains no password.
    ///
    /// # Errors
    ///
    /// When the variable with the URL is not set any more.
    fn client_command(address: &Address, database: &str) -> Result<String, Error>;
}

/// Closes a connection. An error is ignored, because it means that the server has already closed the connection.
pub(crate) async fn close<D: Connect>(connection: Connection<D>) {
    let _ = connection.close().await;
}
