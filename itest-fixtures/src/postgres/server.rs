//! The server of a run: found, or started; the same for all of its processes.

use std::any::Any;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::{Connection, Row};

use itest_runtime::__private::{Crossing, FixtureDescriptor, FunctionKind, Parameter, SessionScope};
use itest_runtime::{Error, Fixture, Teardown};

use super::address::Address;
use super::binaries::{Binaries, OLDEST, REMEDY};
use super::connection::{connect, quoted, run};
#[cfg(feature = "containers")]
use super::container;
use super::{cluster, guard, leases};
#[cfg(feature = "containers")]
use crate::database::container::Engine;
use crate::database::{Found, failed_to, find, passed_over_in_words};

/// The database with the table of leases.
const LEASES: &str = "itest_leases";

/// A server that tests may use, with a table of leases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Server {
    /// Where it is.
    pub(super) address: Address,
    /// The database that holds the leases.
    pub(super) home: Option<String>,
    /// Whether databases may be created.
    pub(super) creates: bool,
    /// Its version, as a number.
    pub(super) version: i32,
    /// Whether what it writes survives a crash: then cloning by copying files is slow.
    pub(super) is_durable: bool,
    /// How many connections it allows.
    pub(super) connections: u32,
    /// Why the URL of an application was not used.
    #[serde(default)]
    passed_over: Option<String>,
}

impl Server {
    /// Nothing on it outlives the run.
    pub(super) fn is_private(&self) -> bool {
        self.address.is_private()
    }

    /// What it is and where, for the run's summary.
    fn in_words(&self) -> String {
        let (major, minor) = (self.version / 10_000, self.version % 10_000);
        let passed_over = passed_over_in_words(self.passed_over.as_deref());
        format!("PostgreSQL {major}.{minor}, {}{passed_over}", self.address.in_words())
    }

    /// A connection to the database with the leases.
    pub(super) async fn connect(&self) -> Result<PgConnection, Error> {
        connect(&self.address, self.home.as_deref()).await
    }

    /// The name of the database with the leases.
    pub(super) fn home_name(&self) -> Result<String, Error> {
        if let Some(home) = &self.home {
            return Ok(home.clone());
        }
        let options = self.address.options(None)?;
        Ok(options.get_database().unwrap_or(options.get_username()).to_owned())
    }

    /// A server that is there; `name` is the variable with its URL.
    async fn at(address: Address, name: &str) -> Result<Self, Error> {
        let mut connection = connect(&address, None).await?;
        if let Some(version) = connection.server_version_num().filter(|version| version / 10_000 < OLDEST) {
            let (place, version) = (address.in_words(), in_words(version));
            return Err(Error::new(format!("{place} is PostgreSQL {version}; itest needs {OLDEST} or later")));
        }
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::int, current_setting('fsync')::bool,
             current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
             (SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user)",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(|error| failed_to(&format!("ask {} what it is", address.in_words()), &error))?;
        let mut server = Self {
            home: None,
            creates: row.get(3),
            version: row.get(0),
            is_durable: row.get(1),
            connections: u32::try_from(row.get::<i32, _>(2)).unwrap_or_default(),
            address,
            passed_over: None,
        };
        if !server.is_private() {
            guard::check(name, &server.address.options(None)?, &mut connection).await?;
            if server.creates {
                create_home(&mut connection).await?;
                server.home = Some(LEASES.to_owned());
                let _ = connection.close().await;
                connection = server.connect().await?;
            }
        }
        let made = leases::create_tables(&mut connection).await;
        made.map_err(|error| if server.creates { error } else { may_do_nothing(&error) })?;
        if !server.is_private() {
            leases::sweep(&server, &mut connection).await?;
        }
        let _ = connection.close().await;
        Ok(server)
    }
}

/// As servers say it: `12.5`, and `9.6.24` before 10.
fn in_words(version: u32) -> String {
    match (version / 10_000, version / 100 % 100, version % 100) {
        (major @ 10.., _, minor) => format!("{major}.{minor}"),
        (first, second, third) => format!("{first}.{second}.{third}"),
    }
}

/// What a role needs that cannot make the table of leases either.
fn may_do_nothing(error: &Error) -> Error {
    Error::new(format!(
        "{error}; the role may not create databases: grant it CREATEDB, or use Isolation::Schema and grant it CREATE on the \
         database of the URL"
    ))
}

async fn create_home(connection: &mut PgConnection) -> Result<(), Error> {
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(LEASES)
        .fetch_one(&mut *connection)
        .await?;
    if exists {
        return Ok(());
    }
    match run(connection, "create the database of leases", format!("CREATE DATABASE {}", quoted(LEASES))).await {
        // Somebody else was quicker.
        Err(error) if error.to_string().contains(LEASES) && error.to_string().contains("exists") => Ok(()),
        other => other,
    }
}

impl Found for Server {
    const NAME: &'static str = "PostgreSQL";
    const VARIABLE: &'static str = "ITEST_POSTGRES";
    const SCHEMES: &'static [&'static str] = &["postgres://", "postgresql://"];

    async fn of_url(variable: &str) -> Result<Self, Error> {
        Self::at(Address::Variable(variable.to_owned()), variable).await
    }

    async fn of_programs(teardown: &Teardown) -> Result<Result<Self, String>, Error> {
        let Some(binaries) = Binaries::find() else { return Ok(Err(REMEDY.to_owned())) };
        Self::at(cluster::start(binaries, teardown).await?, "").await.map(Ok)
    }

    #[cfg(feature = "containers")]
    async fn of_container(engine: Engine, teardown: &Teardown) -> Result<Self, Error> {
        Self::at(container::start(engine, teardown).await?, "").await
    }

    fn instead_of(self, passed_over: Option<String>) -> Self {
        Self { passed_over, ..self }
    }
}

#[diagnostic::do_not_recommend]
impl Fixture for Server {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                FunctionKind::Async,
                const { &[Parameter::shared::<Teardown, SessionScope>()] },
                |inputs| {
                    Box::pin(async move {
                        let [teardown] = inputs.slots();
                        Ok(Box::new(find::<Self>(teardown.shared()).await?) as Box<dyn Any>)
                    })
                },
            )
            .crossing(const { &Crossing::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.in_words()))
        }
    }
}
