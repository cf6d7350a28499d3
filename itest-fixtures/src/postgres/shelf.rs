//! The databases of one worker: how they are made, handed to tests, and taken back.

use std::any::Any;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};

use itest_runtime::__private::{
    FixtureDescriptor, FunctionKind, LocalFuture, Parameter, TeardownEntry, TestScope, WorkerScope, call_with,
    inventory,
};
use itest_runtime::{Durable, Error, Fixture, Outcome, Teardown};

use super::address::Address;
use super::connection::{connect, quoted, run};
use super::era::Era;
use super::leases::{Leases, give_back, give_back_all};
use super::pool::{self, Around, Sessions, close, pool_of, reset};
use super::restore::{Keeper, Spent};
use super::server::Server;
use super::tasks::Tasks;
use super::template::{Template, fill};
use super::transaction::{Hold, begin, pool_in_transaction};
use super::{Isolation, Schema};
use crate::database::{Droppers, Life, Losses, Maker, Reserve, affordable, failed_to, is_there, loss_since};

/// So many databases are dropped at a time: they share what a durable server does for each.
const DROPS: usize = 4;

/// What the ledger calls the dropping of a worker's databases.
const GIVE_BACK: TeardownEntry = TeardownEntry {
    name: "itest::drop_postgres_databases",
    location: "itest",
    kind: FunctionKind::Async,
    run: |arguments| {
        call_with(arguments, |left: Left| {
            Box::pin(async move { left.give_back().await.map_err(|error| error.to_problem()) })
        })
    },
};

inventory::submit! { GIVE_BACK }

/// What a worker leaves on a server.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    address: Address,
    home: Option<String>,
    owner: i32,
}

impl Left {
    async fn give_back(self) -> Result<(), Error> {
        let mut connection = connect(&self.address, self.home.as_deref()).await?;
        let given = give_back_all(&self.address, &mut connection, self.owner).await;
        let _ = connection.close().await;
        given
    }
}

/// The databases of one worker.
pub(super) struct Shelf<S> {
    pub(super) stock: Arc<Stock>,
    schema: PhantomData<fn() -> S>,
}

impl<S> fmt::Debug for Shelf<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shelf").finish_non_exhaustive()
    }
}

/// What all of a worker's databases of one schema have in common.
pub(super) struct Stock {
    pub(super) server: Server,
    template: String,
    isolation: Isolation,
    most: u32,
    options: fn(PgConnectOptions) -> PgConnectOptions,
    fill: fn(PgPool) -> LocalFuture<'static, Result<(), Error>>,
    life: tokio::sync::Mutex<Option<Life<Leases>>>,
    losses: Losses,
    droppers: Droppers<PgConnection>,
    reserve: Reserve<Self>,
    tasks: Tasks,
}

/// A database that is one test's for now.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) name: String,
    pub(super) url: String,
    /// What shows it to a person.
    pub(super) client_command: String,
    pub(super) pool: PgPool,
    era: Era,
    hold: Hold,
    keeper: Option<Keeper>,
    /// How often the server had lost its owner when it was made.
    losses: u32,
}

impl Stock {
    /// A database as new.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Leased, Error> {
        if self.isolation == Isolation::Schema {
            return self.make_schema().await;
        }
        let leased = self.reserve.take(self).await?;
        self.tasks.look();
        if self.isolation == Isolation::Clone {
            self.reserve.make_ahead(self);
        }
        if self.isolation == Isolation::Transaction {
            begin(&leased.pool).await.map_err(|error| failed_to("begin the transaction around the test", &error))?;
        }
        Ok(leased)
    }

    /// How tests are kept apart.
    pub(super) fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Gives a database back after a test.
    ///
    /// # Errors
    ///
    /// What may have gone wrong in a test that failed.
    pub(super) async fn give_back(self: &Arc<Self>, mut leased: Leased, outcome: Outcome) -> Result<(), String> {
        let mut suspicion = leased.hold.suspicion().filter(|_| !outcome.is_success());
        match self.restore(&mut leased).await {
            Ok(()) => self.reserve.put_back(leased),
            Err(Spent(reason)) => {
                if let Some(loss) = loss_since(leased.losses, &self.life, &self.losses, "PostgreSQL").await {
                    suspicion = Some(loss);
                }
                if self.recycles() {
                    // It is shown with the test's output; whoever wonders why the next test takes longer finds it there.
                    let _ = writeln!(std::io::stderr(), "itest: {} is replaced by a new clone: {reason}", leased.name);
                    self.reserve.make_ahead(self);
                }
                self.reserve.drop_behind(self, leased).await;
            }
        }
        suspicion.map_or(Ok(()), Err)
    }

    async fn restore(&self, leased: &mut Leased) -> Result<(), Spent> {
        let Some(keeper) = &mut leased.keeper else { return Err(Spent("it cannot be recycled".to_owned())) };
        // Whoever waits for a connection now must not be the next to have one.
        leased.era.end();
        let around = if self.isolation == Isolation::Transaction { Around::Test } else { Around::Nothing };
        let (mut sessions, mut connections) = match reset(&leased.pool, around).await {
            Sessions::Idle(sessions, connections) => (sessions, connections),
            Sessions::Kept(count) => return Err(Spent(format!("the test keeps {count} connections of its pool"))),
        };
        if keeper.wants_new_sessions() || self.tasks.are_left().await {
            // A task that outlives its test may hold the pool: what it does from now on must not reach the next test.
            connections.clear();
            close(&leased.pool).await;
            sessions.clear();
            leased.pool =
                self.pool(&leased.name, &leased.era, &leased.hold).map_err(|error| Spent(error.to_string()))?;
        }
        let (restored, ()) = tokio::join!(keeper.restore(&sessions), pool::give_back(connections));
        restored?;
        leased.era.begin();
        Ok(())
    }

    fn pool(&self, name: &str, era: &Era, hold: &Hold) -> Result<PgPool, Error> {
        let mut options = self.server.address.options(Some(name))?;
        if self.server.is_durable {
            // A test's rows need not survive anything, and nobody waits for the disk.
            options = options.options([("synchronous_commit", "off")]);
        }
        let options = (self.options)(options);
        Ok(match self.isolation {
            Isolation::Transaction => pool_in_transaction(options, era, hold),
            _ => pool_of(options, self.most, era),
        })
    }

    fn recycles(&self) -> bool {
        matches!(self.isolation, Isolation::Recycle | Isolation::Transaction)
    }

    /// A schema with everything in it, in the one database that there is.
    async fn make_schema(&self) -> Result<Leased, Error> {
        let (name, losses) = {
            let mut life = self.life.lock().await;
            let life = life.as_mut().ok_or_else(gone)?;
            let leases = life.line(&self.server).await?;
            let name = leases.take().await?;
            run(leases.connection(), "create a schema", format!("CREATE SCHEMA {}", quoted(&name))).await?;
            (name, self.losses.count())
        };
        // What extensions have put into the common schema is found, too.
        let path = format!("{name},public");
        let options = self.server.address.options(self.server.home.as_deref())?.options([("search_path", &path)]);
        let home = self.server.home_name()?;
        let url = self.server.address.url(&home, Some(&format!("-c search_path={path}")))?;
        let client_command = self.server.address.client_command(&home)?;
        let era = Era::default();
        let pool = pool_of((self.options)(options), self.most, &era);
        (self.fill)(pool.clone()).await?;
        Ok(Leased { name, url, client_command, pool, era, hold: Hold::default(), keeper: None, losses })
    }

    /// Leaves the server; what is still there is dropped by its owner's number.
    async fn clear(&self) {
        self.reserve.clear(self.server.is_private()).await;
        for dropper in self.droppers.take() {
            let _ = dropper.close().await;
        }
        if let Some(life) = self.life.lock().await.take() {
            life.into_line().close().await;
        }
    }
}

impl Maker for Stock {
    type Made = Leased;

    async fn make(&self) -> Result<Leased, Error> {
        let (name, losses) = {
            let mut life = self.life.lock().await;
            let life = life.as_mut().ok_or_else(gone)?;
            let leases = life.line(&self.server).await?;
            let name = leases.take().await?;
            // Copying files is quick where nobody waits for the disk.
            let strategy = if self.server.is_durable { "WAL_LOG" } else { "FILE_COPY" };
            let (database, template) = (quoted(&name), quoted(&self.template));
            let clone = format!("CREATE DATABASE {database} TEMPLATE {template} STRATEGY {strategy}");
            run(leases.connection(), "clone the template database", clone).await?;
            (name, self.losses.count())
        };
        let keeper = match self.isolation {
            Isolation::Clone => None,
            _ => Keeper::of(&self.server.address, &name).await?.ok(),
        };
        let url = self.server.address.url(&name, None)?;
        let client_command = self.server.address.client_command(&name)?;
        let (era, hold) = (Era::default(), Hold::default());
        Ok(Leased { pool: self.pool(&name, &era, &hold)?, url, client_command, name, era, hold, keeper, losses })
    }

    async fn is_as_new(&self, made: &mut Leased) -> bool {
        if let Some(keeper) = &mut made.keeper {
            made.losses = self.losses.count();
            // Sessions of a server that was killed may live for some milliseconds more.
            return keeper.has_just_answered() || keeper.is_alive().await && !self.server.address.is_over();
        }
        // A clone that nobody has used is what it was, whatever has become of the server since.
        let is_there = is_there(&self.life, &self.server).await;
        made.losses = self.losses.count();
        is_there
    }

    async fn leave(Leased { pool, keeper, .. }: Leased) {
        close(&pool).await;
        if let Some(keeper) = keeper {
            keeper.close().await;
        }
    }

    async fn remove(&self, leased: Leased) -> Result<(), Error> {
        let name = leased.name.clone();
        Self::leave(leased).await;
        let drop = |mut connection| {
            let (address, name) = (&self.server.address, name.as_str());
            async move { give_back(address, &mut connection, name).await.map(|()| connection) }
        };
        self.droppers.run(self.server.connect(), drop).await
    }
}

fn gone() -> Error {
    Error::new("the worker has left the server already")
}

impl<S: Schema> Shelf<S> {
    async fn open(server: &Server, template: &Template<S>, teardown: &Teardown) -> Result<Self, Error> {
        let stock = Arc::new(Stock {
            server: server.clone(),
            template: template.name.clone(),
            isolation: S::ISOLATION,
            most: affordable(server.connections, S::CONNECTIONS)?,
            options: S::options,
            fill: |pool| Box::pin(async move { fill::<S>(&pool).await }),
            life: tokio::sync::Mutex::default(),
            losses: Losses::default(),
            droppers: Droppers::new(DROPS),
            reserve: Reserve::default(),
            tasks: Tasks::begin(),
        });
        let leases = Leases::open(server).await?;
        if !server.is_private() {
            let left = Left { address: server.address.clone(), home: server.home.clone(), owner: leases.owner() };
            teardown.durable(|left| Durable::new(left, &GIVE_BACK), left)?;
        }
        *stock.life.lock().await = Some(Life::new(leases, stock.losses.clone()));
        let cleared = Arc::clone(&stock);
        teardown.defer("leave PostgreSQL", async move { cleared.clear().await });
        Ok(Self { stock, schema: PhantomData })
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema> Fixture for Shelf<S> {
    type Scope = WorkerScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                FunctionKind::Async,
                const {
                    &[
                        Parameter::shared::<Server, TestScope>(),
                        Parameter::shared::<Template<S>, TestScope>(),
                        Parameter::shared::<Teardown, TestScope>(),
                    ]
                },
                |inputs| {
                    Box::pin(async move {
                        let [server, template, teardown] = inputs.slots();
                        let shelf = Self::open(server.shared(), template.shared(), teardown.shared()).await?;
                        Ok(Box::new(shelf) as Box<dyn Any>)
                    })
                },
            )
        }
    }
}
