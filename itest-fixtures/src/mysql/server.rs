//! The server of a run: found, or started; the same for all of its processes.

use std::any::Any;

use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::mysql::MySqlConnection;

use itest_runtime::__private::{Crossing, FixtureDescriptor, FunctionKind, Parameter, SessionScope};
use itest_runtime::{Error, Fixture, Teardown};

use super::address::Address;
use super::cluster::{self, Binaries, REMEDY};
use super::connection::connect;
#[cfg(feature = "containers")]
use super::container;
use super::leases;
#[cfg(feature = "containers")]
use crate::database::container::Engine;
use crate::database::{Found, failed_to, find, is_allowed, passed_over_in_words, refusal, suspicion};

/// The oldest versions that itest works with, and what they are called.
const OLDEST: [(&str, [u32; 2]); 2] = [("MariaDB", [10, 6]), ("MySQL", [8, 0])];

/// A server that tests may use, with a table of leases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Server {
    /// Where it is.
    pub(super) address: Address,
    /// What it says it is.
    pub(super) version: String,
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
        let (name, version) = named(&self.version);
        let passed_over = passed_over_in_words(self.passed_over.as_deref());
        format!("{name} {version}, {}{passed_over}", self.address.in_words())
    }

    /// A server that is there; `name` is the variable with its URL.
    async fn at(address: Address, name: &str) -> Result<Self, Error> {
        let mut connection = connect(&address, None).await?;
        let asked = "SELECT version(), CAST(@@max_connections AS SIGNED), CAST(@@max_user_connections AS SIGNED)";
        let told = sqlx::query_as(asked).fetch_one(&mut connection).await;
        let told = told.map_err(|error| failed_to(&format!("ask {} what it is", address.in_words()), &error))?;
        let (version, all, of_one_user): (String, i64, i64) = told;
        if is_too_old(&version) {
            let (name, version) = named(&version);
            let needed = OLDEST.map(|(name, [major, minor])| format!("{name} {major}.{minor}")).join(" or ");
            let place = address.in_words();
            return Err(Error::new(format!("{place} is {name} {version}; itest needs {needed}, or a later one")));
        }
        // Nothing is said of one user where the number is 0.
        let connections = if of_one_user > 0 { all.min(of_one_user) } else { all };
        let server =
            Self { address, version, connections: u32::try_from(connections).unwrap_or(u32::MAX), passed_over: None };
        if !server.is_private() {
            check(name, &server.address, &mut connection).await?;
        }
        leases::create_tables(&mut connection).await.map_err(|error| may_do_nothing(&server.address, &error))?;
        if !server.is_private() {
            leases::sweep(&mut connection).await?;
        }
        let _ = connection.close().await;
        Ok(server)
    }
}

/// What kind of server says so of its version, and which version it is: `10.11.6-MariaDB-0+deb12u1`.
fn named(version: &str) -> (&'static str, &str) {
    let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
    (name, version.split('-').next().unwrap_or_default())
}

fn is_too_old(version: &str) -> bool {
    let (name, version) = named(version);
    let told: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).take(2).collect();
    OLDEST.iter().any(|(known, oldest)| *known == name && told.as_slice() < oldest.as_slice())
}

/// What a user needs that may not make databases.
fn may_do_nothing(address: &Address, error: &Error) -> Error {
    if !error.to_string().contains("denied") {
        return Error::new(error.to_string());
    }
    let user = address.options(None).map(|options| options.get_username().to_owned()).unwrap_or_default();
    Error::new(format!(
        "{error}; itest makes databases whose names begin with itest_, and needs all rights in these: GRANT ALL ON \
         `itest\\_%`.* TO {user}"
    ))
}

/// Refuses a server that does not look like one for tests, unless it is allowed by name.
async fn check(name: &str, address: &Address, connection: &mut MySqlConnection) -> Result<(), Error> {
    let options = address.options(None)?;
    let (host, database) = (options.get_host(), options.get_database().unwrap_or_default());
    if is_allowed(host, database) {
        return Ok(());
    }
    let reason = match suspicion(host, options.get_socket().is_some(), database) {
        Some(reason) => Some(reason),
        None if database.is_empty() || database.contains("test") || database == "mysql" => None,
        None => {
            let tables = sqlx::query_scalar("SELECT count(*) FROM information_schema.tables WHERE table_schema = ?");
            let tables: i64 = tables.bind(database).fetch_one(connection).await?;
            (tables > 0).then(|| format!("its database, {database}, holds tables of somebody's"))
        }
    };
    reason.map_or(Ok(()), |reason| Err(refusal(name, host, database, &reason)))
}

impl Found for Server {
    const NAME: &'static str = "MariaDB or MySQL";
    const VARIABLE: &'static str = "ITEST_MYSQL";
    const SCHEMES: &'static [&'static str] = &["mysql://", "mariadb://"];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_by_name_and_number() {
        assert_eq!(named("10.11.6-MariaDB-0+deb12u1"), ("MariaDB", "10.11.6"));
        assert_eq!(named("8.0.36"), ("MySQL", "8.0.36"));
        for new in ["10.6.0-MariaDB", "10.11.6-MariaDB-log", "11.4.2-MariaDB", "8.0.11", "9.1.0"] {
            assert!(!is_too_old(new), "{new}");
        }
        for old in ["10.5.29-MariaDB", "5.5.68-MariaDB", "5.7.44", "5.7.44-log"] {
            assert!(is_too_old(old), "{old}");
        }
    }
}
