//! Connections to a database server.

use std::fmt::Debug;

use sqlx::Connection as _;

use itest_runtime::Error;

use crate::service::Address;

/// A connection of itest's own.
pub(crate) type Connection<D> = <<D as Connect>::Sqlx as sqlx::Database>::Connection;

/// How to connect.
pub(crate) type Options<D> = <Connection<D> as sqlx::Connection>::Options;

/// How itest talks to a database server.
pub(crate) trait Connect: Debug + Sized + Send + Sync + 'static {
    /// What sqlx calls the server.
    type Sqlx: sqlx::Database;

    /// A text as SQL quotes it.
    fn literal(text: &str) -> String;

    /// A connection to a database; `None` is the one that the URL names.
    fn connect(
        address: &Address,
        database: Option<&str>,
    ) -> impl Future<Output = Result<Connection<Self>, Error>> + Send;

    /// Runs statements without results.
    fn run(
        connection: &mut Connection<Self>,
        action: &str,
        sql: String,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// The values of a query with one column.
    fn column(
        connection: &mut Connection<Self>,
        action: &str,
        sql: String,
    ) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
}

/// How others connect to a database server.
pub(crate) trait Locate: Connect {
    /// How to connect to a database; `None` is the one that the URL names.
    ///
    /// # Errors
    ///
    /// When the variable holds no URL of such a server.
    fn options(address: &Address, database: Option<&str>) -> Result<Options<Self>, Error>;

    /// A URL of a database with everything that is needed to connect, also the password.
    ///
    /// # Errors
    ///
    /// When the variable with the URL is not set any more.
    fn url(address: &Address, database: &str) -> Result<String, Error>;

    /// Host and port of a URL.
    fn place(address: &Address) -> String;

    /// The command that shows a database to the user, without a password.
    ///
    /// # Errors
    ///
    /// When the variable with the URL is not set any more.
    fn client_command(address: &Address, database: &str) -> Result<String, Error>;
}

/// Closes a connection. An error means that the server has closed it.
pub(crate) async fn close<D: Connect>(connection: Connection<D>) {
    let _ = connection.close().await;
}
