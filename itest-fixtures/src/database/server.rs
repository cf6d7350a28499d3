//! The database server of a run. All processes of the run use the same one.

use std::any::Any;
use std::fmt::{Debug, Display};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use itest_runtime::__private::{FixtureDescriptor, Function, Parameter, SessionScope, ValueCodec};
use itest_runtime::__private::{FixtureSetting, SettingShape, inventory};
use itest_runtime::{Error, Fixture, Teardown};

use super::connect::{Connection, Locate, close};
use super::leases::{self, LeaseDatabase, LeaseTables};
use crate::service::{Address, Service, application_is_not_used, find};

/// The variable with the URL of the application's database.
pub(crate) const APPLICATION_VARIABLE: &str = "DATABASE_URL";

/// The variable that lists servers which itest may use although they do not look like servers for tests.
pub(crate) const ALLOW_VARIABLE: &str = "ITEST_DATABASE_ALLOW";

inventory::submit! {
    FixtureSetting {
        key: "database-allow",
        shape: SettingShape::Value("HOST/DATABASE"),
        help: "Databases to use even if their host, name or tables suggest another purpose than tests, separated by commas",
        default_text: "",
    }
}

/// A server whose properties itest can query.
pub(crate) trait Inspect: LeaseTables + Locate + Service {
    /// The properties of one server.
    type Facts: Facts;

    /// Queries the properties of a server that itest has not used yet.
    ///
    /// # Errors
    ///
    /// When the server is too old.
    fn facts(address: &Address, connection: &mut Connection<Self>) -> impl Future<Output = Result<Self::Facts, Error>>;

    /// Refuses a server that does not look like one for tests.
    ///
    /// # Errors
    ///
    /// The reason, and how to allow the server.
    fn refuse_foreign(
        variable: &str,
        address: &Address,
        connection: &mut Connection<Self>,
    ) -> impl Future<Output = Result<(), Error>>;

    /// Creates a separate database for the tables of leases, if this kind of server needs one, and returns its name.
    fn create_lease_database(
        _: &mut Connection<Self>,
        _: &Self::Facts,
    ) -> impl Future<Output = Result<Option<&'static str>, Error>> {
        async { Ok(None) }
    }

    /// Adds the remedy to an error, if the user of the URL lacks the right to create the tables of leases.
    fn explain_missing_rights(address: &Address, facts: &Self::Facts, error: &Error) -> Error;
}

/// The properties of one server. Their text names product and version.
pub(crate) trait Facts: Clone + Debug + Display + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The product.
    fn product(&self) -> &'static str;

    /// The version, as precisely as it affects the contents of a template.
    fn version(&self) -> &str;

    /// The number of connections that the server allows.
    fn max_connections(&self) -> u32;

    /// Why the user of the URL cannot create databases on this server, with the remedy, or `None` if the user can.
    fn refuse_to_create(&self, _place: &str) -> Option<String> {
        None
    }
}

/// A server that tests may use, with its tables of leases created.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Server<D: Inspect> {
    /// The address of the server, and the location of its tables of leases.
    pub(crate) lease_database: LeaseDatabase,
    /// The properties of the server.
    pub(crate) facts: D::Facts,
    /// Why the application's URL was not used, if it was set and refused.
    not_used: Option<String>,
}

impl<D: Inspect> Clone for Server<D> {
    fn clone(&self) -> Self {
        let Self { lease_database, facts, not_used } = self;
        Self { lease_database: lease_database.clone(), facts: facts.clone(), not_used: not_used.clone() }
    }
}

impl<D: Inspect> Server<D> {
    /// Prepares a server for the run. `variable` is the environment variable with its URL.
    ///
    /// # Errors
    ///
    /// When the server is too old, does not look like one for tests, or does not let itest create what it needs.
    pub(crate) async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<Self, Error> {
        let mut connection = D::connect(&address, None).await?;
        let facts = D::facts(&address, &mut connection).await?;
        let mut server = Self { lease_database: LeaseDatabase { address, database: None }, facts, not_used };
        if !server.address().is_private() {
            D::refuse_foreign(variable, server.address(), &mut connection).await?;
            if let Some(lease_database) = D::create_lease_database(&mut connection, &server.facts).await? {
                server.lease_database.database = Some(lease_database.to_owned());
                close::<D>(connection).await;
                connection = server.connect().await?;
            }
        }
        let created = D::run(&mut connection, "make the table of leases", D::TABLES.to_owned()).await;
        created.map_err(|error| D::explain_missing_rights(server.address(), &server.facts, &error))?;
        if !server.ends_with_run() {
            leases::sweep::<D>(server.address(), &mut connection).await?;
        }
        close::<D>(connection).await;
        Ok(server)
    }

    /// The address of the server.
    pub(crate) fn address(&self) -> &Address {
        &self.lease_database.address
    }

    /// Whether the server ends with the run, so that nothing on it needs to be dropped.
    pub(crate) fn ends_with_run(&self) -> bool {
        self.address().ends_with_run()
    }

    /// Connects to the database that contains the tables of leases.
    pub(crate) async fn connect(&self) -> Result<Connection<D>, Error> {
        self.lease_database.connect::<D>().await
    }

    /// The address for a message, without user and password.
    pub(crate) fn place(&self) -> String {
        self.address().in_words(|| D::place(self.address()))
    }

    /// The text about the server in the run's summary.
    fn in_words(&self) -> String {
        format!("{}, {}{}", self.facts, self.place(), application_is_not_used::<D>(self.not_used.as_deref()))
    }

    /// The number of connections that the server allows.
    pub(crate) fn max_connections(&self) -> u32 {
        self.facts.max_connections()
    }
}

#[diagnostic::do_not_recommend]
impl<D: Inspect + Service<Server = Self>> Fixture for Server<D> {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                const { &[Parameter::shared::<Teardown, SessionScope>()] },
                Function::Async(|inputs| {
                    Box::pin(async move {
                        let [teardown] = inputs.slots();
                        Ok(Box::new(find::<D>(teardown.shared(), Self::address).await?) as Box<dyn Any>)
                    })
                }),
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.in_words()))
        }
    }
}
