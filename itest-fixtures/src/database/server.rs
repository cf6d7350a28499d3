//! The server of a run: found, or started; the same for all processes of the run.

use std::any::Any;
use std::fmt::{Debug, Display};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use itest_runtime::__private::{FixtureDescriptor, FunctionKind, Parameter, SessionScope, ValueCodec};
use itest_runtime::{Error, Fixture, Teardown};

use super::connect::{Connection, Locate, close};
use super::leases::{self, Home, LeaseTables};
use crate::service::{Address, Service, application_is_not_used, find};

/// The variable with the URL of the application's database.
pub(crate) const APPLICATION_VARIABLE: &str = "DATABASE_URL";

/// Lists servers that are for tests although they do not look like it.
pub(crate) const ALLOW_VARIABLE: &str = "ITEST_DATABASE_ALLOW";

/// A server that tells what it is.
pub(crate) trait Inspect: LeaseTables + Locate + Service {
    /// What is known of one server.
    type Facts: Facts;

    /// Looks at a server that itest has not used yet.
    ///
    /// # Errors
    ///
    /// When it is too old.
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

    /// Creates the database for the tables of leases, where they need one of their own; its name.
    fn create_home(
        _: &mut Connection<Self>,
        _: &Self::Facts,
    ) -> impl Future<Output = Result<Option<&'static str>, Error>> {
        async { Ok(None) }
    }

    /// The error with what to do about it, if the user of the URL may not create the tables of leases.
    fn explain_missing_rights(address: &Address, facts: &Self::Facts, error: &Error) -> Error;
}

/// What is known of one server. Its text names product and version.
pub(crate) trait Facts: Clone + Debug + Display + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The product.
    fn product(&self) -> &'static str;

    /// The version, as far as it decides what a template contains.
    fn version(&self) -> &str;

    /// How many connections the server allows.
    fn max_connections(&self) -> u32;

    /// Why the user of the URL cannot create databases at this place, and what to do about it, where that is so.
    fn refuse_to_create(&self, _place: &str) -> Option<String> {
        None
    }
}

/// A server that tests may use, with the tables of leases.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Server<D: Inspect> {
    /// Where it is, and where its tables of leases are.
    pub(crate) home: Home,
    /// What is known of it.
    pub(crate) facts: D::Facts,
    /// Why the URL of the application is not used.
    not_used: Option<String>,
}

impl<D: Inspect> Clone for Server<D> {
    fn clone(&self) -> Self {
        let Self { home, facts, not_used } = self;
        Self { home: home.clone(), facts: facts.clone(), not_used: not_used.clone() }
    }
}

impl<D: Inspect> Server<D> {
    /// Makes a server at an address ready for the run. `variable` is the one that holds its URL.
    ///
    /// # Errors
    ///
    /// When the server is too old, does not look like one for tests, or does not let itest create what it needs.
    pub(crate) async fn open(address: Address, variable: &str, not_used: Option<String>) -> Result<Self, Error> {
        let mut connection = D::connect(&address, None).await?;
        let facts = D::facts(&address, &mut connection).await?;
        let mut server = Self { home: Home { address, database: None }, facts, not_used };
        if !server.is_private() {
            D::refuse_foreign(variable, server.address(), &mut connection).await?;
            if let Some(home) = D::create_home(&mut connection, &server.facts).await? {
                server.home.database = Some(home.to_owned());
                close::<D>(connection).await;
                connection = server.connect().await?;
            }
        }
        let created = D::run(&mut connection, "make the table of leases", D::TABLES.to_owned()).await;
        created.map_err(|error| D::explain_missing_rights(server.address(), &server.facts, &error))?;
        if !server.is_private() {
            leases::sweep::<D>(server.address(), &mut connection).await?;
        }
        close::<D>(connection).await;
        Ok(server)
    }

    /// Where it is.
    pub(crate) fn address(&self) -> &Address {
        &self.home.address
    }

    /// Whether nothing on the server outlives the run.
    pub(crate) fn is_private(&self) -> bool {
        self.address().is_private()
    }

    /// A connection to the database with the leases.
    pub(crate) async fn connect(&self) -> Result<Connection<D>, Error> {
        self.home.connect::<D>().await
    }

    /// The address in words, without user and password.
    pub(crate) fn place(&self) -> String {
        self.address().in_words(|| D::place(self.address()))
    }

    /// The sentence about it in the run's summary.
    fn in_words(&self) -> String {
        format!("{}, {}{}", self.facts, self.place(), application_is_not_used::<D>(self.not_used.as_deref()))
    }

    /// How many connections it allows.
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
                FunctionKind::Async,
                const { &[Parameter::shared::<Teardown, SessionScope>()] },
                |inputs| {
                    Box::pin(async move {
                        let [teardown] = inputs.slots();
                        Ok(Box::new(find::<D>(teardown.shared()).await?) as Box<dyn Any>)
                    })
                },
            )
            .codec(const { &ValueCodec::of::<Self>() })
            .remark(|value| Some(value.downcast_ref::<Self>()?.in_words()))
        }
    }
}
