//! Queries the properties of a PostgreSQL server, and checks whether it looks like a server for tests.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row, query_scalar};

use itest_runtime::Error;

use super::connection::{PostgresDriver, quoted};
use super::programs::MIN_MAJOR_VERSION;
use crate::database::{Facts, Inspect, LEASES, Locate as _, OrFailedTo as _, failed_to};
use crate::service::{Address, Target, refuse_unless_for_tests};

/// The SQLSTATEs of `CREATE DATABASE` if the database exists, and if another session creates it at the same moment.
const EXISTS: [&str; 2] = ["42P04", "23505"];

/// The properties of a PostgreSQL server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PostgresFacts {
    /// The version of the server, such as `15.4`.
    version: String,
    /// Whether the user of the URL may create databases.
    pub(super) may_create: bool,
    /// Whether the server waits for the disk (`fsync`), which makes copying files slow.
    pub(super) is_durable: bool,
    max_connections: u32,
}

impl PostgresFacts {
    /// Queries the properties of a server.
    pub(super) async fn of(address: &Address, connection: &mut PgConnection) -> Result<Self, Error> {
        let place = || address.in_words(|| PostgresDriver::place(address));
        if let Some(version) = connection.server_version_num().filter(|version| version / 10_000 < MIN_MAJOR_VERSION) {
            let (place, version) = (place(), version_text(version));
            return Err(Error::new(format!(
                "{place} is PostgreSQL {version}; itest needs {MIN_MAJOR_VERSION} or later"
            )));
        }
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::int, current_setting('fsync')::bool,
             current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
             (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)",
        )
        .fetch_one(connection)
        .await
        .map_err(|error| failed_to(&format!("query version and settings of {}", place()), &error))?;
        Ok(Self {
            version: version_text(u32::try_from(row.get::<i32, _>(0)).unwrap_or_default()),
            is_durable: row.get(1),
            max_connections: u32::try_from(row.get::<i32, _>(2)).unwrap_or_default(),
            may_create: row.get(3),
        })
    }
}

impl Facts for PostgresFacts {
    fn product(&self) -> &'static str {
        "PostgreSQL"
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn max_connections(&self) -> u32 {
        self.max_connections
    }

    fn refuse_to_create(&self, place: &str) -> Option<String> {
        let remedy = "grant it CREATEDB, or use Isolation::Schema";
        (!self.may_create).then(|| format!("the role may not create databases on {place}: {remedy}"))
    }
}

impl fmt::Display for PostgresFacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PostgreSQL {}", self.version)
    }
}

impl Inspect for PostgresDriver {
    type Facts = PostgresFacts;

    async fn facts(address: &Address, connection: &mut PgConnection) -> Result<PostgresFacts, Error> {
        PostgresFacts::of(address, connection).await
    }

    async fn create_lease_database(
        connection: &mut PgConnection,
        facts: &PostgresFacts,
    ) -> Result<Option<&'static str>, Error> {
        if !facts.may_create {
            return Ok(None);
        }
        let exists: bool = query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(LEASES)
            .fetch_one(&mut *connection)
            .await
            .or_failed_to("look for the database of leases")?;
        if !exists {
            let created = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {}", quoted(LEASES))))
                .execute(connection)
                .await;
            match created {
                // Another process has created it in the meantime.
                Err(error) if has_code(&error, &EXISTS) => {}
                created => created.map(drop).or_failed_to("create the database of leases")?,
            }
        }
        Ok(Some(LEASES))
    }

    async fn refuse_foreign(variable: &str, address: &Address, connection: &mut PgConnection) -> Result<(), Error> {
        let options = Self::options(address, None)?;
        let database: String = query_scalar("SELECT current_database()::text")
            .fetch_one(&mut *connection)
            .await
            .or_failed_to("look at the server's database")?;
        let (host, is_socket) = (options.get_host(), options.get_socket().is_some());
        let target = Target { variable, host, is_socket, namespace: &database };
        refuse_unless_for_tests::<Self>(target, foreign_tables(&database, connection)).await
    }

    fn explain_missing_rights(_: &Address, facts: &PostgresFacts, error: &Error) -> Error {
        let remedy = if facts.may_create {
            ""
        } else {
            "; the role may not create databases: grant it CREATEDB, or use Isolation::Schema and grant it CREATE on the database of \
             the URL"
        };
        Error::new(format!("{error}{remedy}"))
    }
}

/// The version in the server's notation: `12.5`, and `9.6.24` before 10.
fn version_text(version: u32) -> String {
    match (version / 10_000, version / 100 % 100, version % 100) {
        (major @ 10.., _, minor) => format!("{major}.{minor}"),
        (first, second, third) => format!("{first}.{second}.{third}"),
    }
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}

/// Reports tables that itest did not create, because a database with such tables seems to be in use for something else. A name that
/// contains `test` allows them, and the tables of `#[sqlx::test]` do not count.
async fn foreign_tables(database: &str, connection: &mut PgConnection) -> Result<Option<String>, Error> {
    if database.to_lowercase().contains("test") {
        return Ok(None);
    }
    let count: i64 = query_scalar(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'p') AND c.oid >= 16384 AND nspname NOT LIKE 'itest\\_%' AND nspname NOT LIKE 'pg\\_%'
         AND nspname <> '_sqlx_test'",
    )
    .fetch_one(connection)
    .await
    .or_failed_to("look at the server's database")?;
    let tables = if count == 1 { "a table".to_owned() } else { format!("{count} tables") };
    Ok((count > 0).then(|| format!("its database, {database}, contains {tables} that itest did not create")))
}
