//! The databases of one worker: those that are free, one that is made ahead, and those that are on their way out.

use std::any::Any;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

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
use crate::database::failed_to;

/// So many databases are dropped at a time: they share what a durable server does for each.
const DROPS: usize = 4;

/// So long the end of a worker waits for them.
const FAREWELL: Duration = Duration::from_secs(5);

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
    leases: tokio::sync::Mutex<Option<Leases>>,
    drops: Semaphore,
    shelf: Mutex<Contents>,
    tasks: Tasks,
}

#[derive(Default)]
struct Contents {
    free: Vec<Leased>,
    ahead: Option<JoinHandle<Result<Leased, Error>>>,
    leaving: JoinSet<Result<(), Error>>,
}

/// A database that is one test's for now.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) pool: PgPool,
    era: Era,
    hold: Hold,
    keeper: Option<Keeper>,
}

impl Stock {
    /// A database as new.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Leased, Error> {
        if self.isolation == Isolation::Schema {
            return self.make_schema().await;
        }
        let (free, ahead) = {
            let mut contents = self.contents();
            (contents.free.pop(), contents.ahead.take())
        };
        let leased = match (free, ahead) {
            (Some(free), ahead) => {
                self.contents().ahead = ahead;
                free
            }
            // If it could not be made ahead, it is tried again now, and the error is this test's.
            (None, Some(ahead)) => match ahead.await {
                Ok(Ok(leased)) => leased,
                _ => self.make().await?,
            },
            (None, None) => self.make().await?,
        };
        if self.isolation == Isolation::Clone {
            self.make_ahead();
        }
        if self.isolation == Isolation::Transaction {
            begin(&leased.pool).await.map_err(|error| failed_to("begin the transaction around the test", &error))?;
        }
        Ok(leased)
    }

    /// Gives a database back after a test.
    ///
    /// # Errors
    ///
    /// What may have gone wrong in a test that failed.
    pub(super) async fn give_back(self: &Arc<Self>, mut leased: Leased, outcome: Outcome) -> Result<(), String> {
        let suspicion = leased.hold.suspicion().filter(|_| !outcome.is_success());
        match self.restore(&mut leased).await {
            Ok(()) => self.contents().free.push(leased),
            Err(Spent(reason)) => {
                if self.recycles() {
                    // It is shown with the test's output; whoever wonders why the next test takes longer finds it there.
                    let _ = writeln!(std::io::stderr(), "itest: {} is replaced by a new clone: {reason}", leased.name);
                    self.make_ahead();
                }
                self.drop_behind(leased);
            }
        }
        suspicion.map_or(Ok(()), Err)
    }

    async fn restore(&self, leased: &mut Leased) -> Result<(), Spent> {
        let Some(keeper) = &mut leased.keeper else { return Err(Spent("it cannot be recycled".to_owned())) };
        // Whoever waits for a connection now must not be the next to have one.
        leased.era.begin();
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

    async fn make(&self) -> Result<Leased, Error> {
        let name = {
            let mut leases = self.leases.lock().await;
            let leases = self.living(&mut leases).await?;
            let name = leases.take().await?;
            // Copying files is quick where nobody waits for the disk.
            let strategy = if self.server.is_durable { "WAL_LOG" } else { "FILE_COPY" };
            let (database, template) = (quoted(&name), quoted(&self.template));
            let clone = format!("CREATE DATABASE {database} TEMPLATE {template} STRATEGY {strategy}");
            run(leases.connection(), "clone the template database", clone).await?;
            name
        };
        let keeper = match self.isolation {
            Isolation::Clone => None,
            _ => Keeper::of(&self.server.address, &name).await?.ok(),
        };
        let url = self.server.address.url(&name, None)?;
        let (era, hold) = (Era::default(), Hold::default());
        Ok(Leased { pool: self.pool(&name, &era, &hold)?, url, name, era, hold, keeper })
    }

    /// A schema with everything in it, in the one database that there is.
    async fn make_schema(&self) -> Result<Leased, Error> {
        let name = {
            let mut leases = self.leases.lock().await;
            let leases = self.living(&mut leases).await?;
            let name = leases.take().await?;
            run(leases.connection(), "create a schema", format!("CREATE SCHEMA {}", quoted(&name))).await?;
            name
        };
        // What extensions have put into the common schema is found, too.
        let path = format!("{name},public");
        let options = self.server.address.options(self.server.home.as_deref())?.options([("search_path", &path)]);
        let url = self.server.address.url(&self.server.home_name()?, Some(&format!("-c search_path={path}")))?;
        let era = Era::default();
        let pool = pool_of((self.options)(options), self.most, &era);
        (self.fill)(pool.clone()).await?;
        Ok(Leased { name, url, pool, era, hold: Hold::default(), keeper: None })
    }

    /// The owner; another one if the server has lost the first.
    async fn living<'l>(&self, leases: &'l mut Option<Leases>) -> Result<&'l mut Leases, Error> {
        let lives = match leases.as_mut() {
            Some(leases) => leases.connection().ping().await.is_ok(),
            None => false,
        };
        if !lives {
            *leases = Some(Leases::open(&self.server).await?);
        }
        leases.as_mut().ok_or_else(|| Error::new("itest: an owner is lost; please report this"))
    }

    fn make_ahead(self: &Arc<Self>) {
        let stock = Arc::clone(self);
        let mut contents = self.contents();
        if contents.ahead.is_none() {
            contents.ahead = Some(self.tasks.spawn(async move { stock.make().await }));
        }
    }

    fn drop_behind(self: &Arc<Self>, leased: Leased) {
        let stock = Arc::clone(self);
        let mut contents = self.contents();
        while contents.leaving.try_join_next().is_some() {}
        self.tasks.spawn_on(&mut contents.leaving, async move {
            let Leased { name, pool, keeper, .. } = leased;
            close(&pool).await;
            if let Some(keeper) = keeper {
                keeper.close().await;
            }
            let _permit = stock.drops.acquire().await?;
            let mut connection = stock.server.connect().await?;
            let given = give_back(&stock.server.address, &mut connection, &name).await;
            let _ = connection.close().await;
            given
        });
    }

    /// Leaves the server; what is still there is dropped by its owner's number.
    async fn clear(&self) {
        let (free, ahead, mut leaving) = {
            let mut contents = self.contents();
            (std::mem::take(&mut contents.free), contents.ahead.take(), std::mem::take(&mut contents.leaving))
        };
        if let Some(ahead) = ahead {
            ahead.abort();
            let _ = ahead.await;
        }
        for leased in free {
            close(&leased.pool).await;
            if let Some(keeper) = leased.keeper {
                keeper.close().await;
            }
        }
        if self.server.is_private() {
            // The server ends with the run, and everything on it.
            leaving.abort_all();
        }
        // What takes longer is dropped by its owner's number, with a time limit of its own.
        let all = async { while leaving.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, all).await;
        leaving.abort_all();
        if let Some(leases) = self.leases.lock().await.take() {
            leases.close().await;
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many connections the pool of one test may have, so that all workers together have enough.
fn affordable(server: &Server, wanted: u32) -> u32 {
    // Each worker has three of its own; a few are the session's and of whoever looks on.
    const OWN: u32 = 3;
    const OTHERS: u32 = 8;
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let workers = u32::try_from(workers).unwrap_or(u32::MAX);
    let each = (server.connections.saturating_sub(OTHERS) / workers).saturating_sub(OWN);
    wanted.min(each).max(2)
}

impl<S: Schema> Shelf<S> {
    async fn open(server: &Server, template: &Template<S>, teardown: &Teardown) -> Result<Self, Error> {
        let stock = Arc::new(Stock {
            server: server.clone(),
            template: template.name.clone(),
            isolation: S::ISOLATION,
            most: affordable(server, S::CONNECTIONS),
            options: S::options,
            fill: |pool| Box::pin(async move { fill::<S>(&pool).await }),
            leases: tokio::sync::Mutex::default(),
            drops: Semaphore::new(DROPS),
            shelf: Mutex::default(),
            tasks: Tasks::begin(),
        });
        let leases = Leases::open(server).await?;
        if !server.is_private() {
            let left = Left { address: server.address.clone(), home: server.home.clone(), owner: leases.owner() };
            teardown.durable(|left| Durable::new(left, &GIVE_BACK), left)?;
        }
        *stock.leases.lock().await = Some(leases);
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
