//! The databases of one worker: how they are made, handed to tests, and taken back.

use std::any::Any;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlPoolOptions};

use itest_runtime::__private::{
    FixtureDescriptor, FunctionKind, Parameter, TeardownEntry, TestScope, WorkerScope, call_with, inventory,
};
use itest_runtime::{Durable, Error, Fixture, Teardown};

use super::address::Address;
use super::connection::{connect, quoted, run};
use super::inventory::Inventory;
use super::leases::{Leases, give_back, give_back_all};
use super::restore::{Keeper, Spent};
use super::server::Server;
use super::template::Template;
use super::{Isolation, Schema};
use crate::database::{Droppers, Life, Losses, Maker, Reserve, affordable, is_there, loss_since};

/// So many databases are dropped at a time.
const DROPS: usize = 2;

/// So long a connection may take to come back to its pool and to be closed.
const RETURN: Duration = Duration::from_millis(250);

/// What the ledger calls the dropping of a worker's databases.
const GIVE_BACK: TeardownEntry = TeardownEntry {
    name: "itest::drop_mysql_databases",
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
    owner: u64,
}

impl Left {
    async fn give_back(self) -> Result<(), Error> {
        let mut connection = connect(&self.address, None).await?;
        let given = give_back_all(&mut connection, self.owner).await;
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
    inventory: Inventory,
    isolation: Isolation,
    most: u32,
    options: fn(MySqlConnectOptions) -> MySqlConnectOptions,
    life: tokio::sync::Mutex<Option<Life<Leases>>>,
    losses: Losses,
    droppers: Droppers<MySqlConnection>,
    reserve: Reserve<Self>,
}

/// A database that nobody uses.
#[derive(Debug)]
pub(super) struct Made {
    name: String,
    keeper: Option<Keeper>,
    /// How often the server had lost its owner when it was made.
    losses: u32,
}

/// A database that is one test's for now.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) pool: MySqlPool,
    keeper: Option<Keeper>,
    losses: u32,
}

impl Stock {
    /// A database as new, with a pool of its own: sessions are never kept, they cost little here.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Leased, Error> {
        let Made { name, keeper, losses } = self.reserve.take(self).await?;
        if self.isolation == Isolation::Clone {
            self.reserve.make_ahead(self);
        }
        let options = (self.options)(self.server.address.options(Some(&name))?);
        let pool = MySqlPoolOptions::new().idle_timeout(None).max_lifetime(None).max_connections(self.most);
        Ok(Leased { url: self.server.address.url(&name)?, pool: pool.connect_lazy_with(options), name, keeper, losses })
    }

    /// Where the server is.
    pub(super) fn address(&self) -> &Address {
        &self.server.address
    }

    /// Gives a database back after a test.
    ///
    /// # Errors
    ///
    /// When the server lost it meanwhile.
    pub(super) async fn give_back(self: &Arc<Self>, leased: Leased) -> Result<(), String> {
        let Leased { name, pool, mut keeper, losses, .. } = leased;
        // Whoever still holds the pool can do nothing with it from now on.
        let closed = tokio::time::timeout(RETURN, pool.close()).await.is_ok();
        let restored = match &mut keeper {
            None => Err(Spent("it is a clone of one test's".to_owned())),
            Some(_) if !closed => Err(Spent("the test keeps connections of its pool".to_owned())),
            Some(keeper) => keeper.restore().await,
        };
        let made = Made { name, keeper, losses };
        match restored {
            Ok(()) => self.reserve.put_back(made),
            Err(Spent(reason)) => {
                let loss = loss_since(losses, &self.life, &self.losses, "the server").await;
                if self.isolation == Isolation::Recycle {
                    // It is shown with the test's output; whoever wonders why the next test takes longer finds it there.
                    let _ = writeln!(std::io::stderr(), "itest: {} is replaced by a new clone: {reason}", made.name);
                    self.reserve.make_ahead(self);
                }
                self.reserve.drop_behind(self, made).await;
                return loss.map_or(Ok(()), Err);
            }
        }
        Ok(())
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
    type Made = Made;

    async fn make(&self) -> Result<Made, Error> {
        let (name, losses) = {
            let mut life = self.life.lock().await;
            let life = life.as_mut().ok_or_else(|| Error::new("the worker has left the server already"))?;
            let leases = life.line(&self.server).await?;
            let name = leases.take().await?;
            let create = format!("CREATE DATABASE {} {}", quoted(&name), self.inventory.characters);
            run(leases.connection(), "create a database", create).await?;
            (name, self.losses.count())
        };
        let mut connection = connect(&self.server.address, Some(&name)).await?;
        self.inventory.copy(&mut connection).await?;
        let _ = connection.close().await;
        let keeper = match self.isolation {
            Isolation::Clone => None,
            Isolation::Recycle => {
                // In no database: it shall not be taken for a session of the test's.
                let connection = connect(&self.server.address.clone(), Some(super::leases::LEASES)).await?;
                let folder = self.server.address.folder(&name);
                Some(Keeper::of(connection, self.inventory.clone(), &name, folder).await?)
            }
        };
        Ok(Made { name, keeper, losses })
    }

    async fn is_as_new(&self, made: &mut Made) -> bool {
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

    async fn leave(made: Made) {
        if let Some(keeper) = made.keeper {
            keeper.close().await;
        }
    }

    async fn remove(&self, made: Made) -> Result<(), Error> {
        let name = made.name.clone();
        Self::leave(made).await;
        let drop = |mut connection| {
            let name = name.as_str();
            async move { give_back(&mut connection, name).await.map(|()| connection) }
        };
        self.droppers.run(connect(&self.server.address, None), drop).await
    }
}

impl<S: Schema> Shelf<S> {
    async fn open(server: &Server, template: &Template<S>, teardown: &Teardown) -> Result<Self, Error> {
        let mut connection = connect(&server.address, Some(&template.name)).await?;
        let inventory = Inventory::of(&mut connection, &template.name).await?;
        let _ = connection.close().await;
        let stock = Arc::new(Stock {
            server: server.clone(),
            inventory,
            isolation: S::ISOLATION,
            most: affordable(server.connections, S::CONNECTIONS)?,
            options: S::options,
            life: tokio::sync::Mutex::default(),
            losses: Losses::default(),
            droppers: Droppers::new(DROPS),
            reserve: Reserve::default(),
        });
        let leases = Leases::open(server).await?;
        if !server.is_private() {
            let left = Left { address: server.address.clone(), owner: leases.owner() };
            teardown.durable(|left| Durable::new(left, &GIVE_BACK), left)?;
        }
        *stock.life.lock().await = Some(Life::new(leases, stock.losses.clone()));
        let cleared = Arc::clone(&stock);
        teardown.defer("leave the server", async move { cleared.clear().await });
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
