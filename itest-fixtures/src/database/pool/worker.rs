//! The pool: creates a worker's databases, leases them to tests, and takes them back.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::sync::Mutex;

use itest_runtime::{Error, Outcome, Teardown, TestId};

use super::driver::{Context, Database, Driver, Prepared, Snapshot as _};
use super::drop_connections::DropConnections;
use super::idle::{IdleDatabases, Maker, RunningDrops};
use super::leftovers::Leftovers;
use super::recycling::{NotRecycled, Recycling};
use crate::database::connect::{Connect, Connection, close};
use crate::database::leases::{Leases, drop_leased};
use crate::database::schema::{Schema, functions_of};
use crate::database::server::{Facts as _, Server};
use crate::database::template::Template;
use crate::itest::fixture;
use crate::service::{Losses, Supervisor, affordable_connections, is_reachable, loss_since};

/// Why a database is not used again if the server has ended during the test, whatever error the restore has got from the server.
const SERVER_ENDED: &str = "the server ended or was restarted";

/// The databases of one worker and one schema.
pub(crate) struct Pool<D: Driver> {
    pub(super) context: Context<D>,
    drop_connections: DropConnections<Connection<D>>,
    idle: IdleDatabases<Self>,
    recycling: Recycling,
}

impl<D: Driver> Pool<D> {
    /// Takes a database in its first state, with the connections for a test.
    pub(super) async fn take(self: &Arc<Self>) -> Result<(Database<D>, sqlx::Pool<<D as Connect>::Sqlx>), Error> {
        let mut database = match D::make_unpooled(&self.context).await {
            Some(made) => made?,
            None => self.idle.take(self).await?,
        };
        if D::makes_ahead(self.context.schema.isolation) {
            self.idle.make_ahead(self);
        }
        let connections = D::begin_test(&self.context, &mut database).await?;
        Ok((database, connections))
    }

    /// Gives a database back after a test.
    ///
    /// # Errors
    ///
    /// A possible reason for the test's failure: its sessions waited for each other, or the server was lost.
    pub(super) async fn give_back(
        self: &Arc<Self>,
        mut database: Database<D>,
        test: &TestId,
        outcome: Outcome,
    ) -> Result<(), String> {
        let mut suspicion = D::suspicion(&database).filter(|_| !outcome.is_success());
        match self.restore(&mut database).await {
            Ok(()) => {
                self.recycling.succeeded();
                self.idle.put_back(database);
            }
            Err(not_recycled) => {
                let loss = self.loss_since(database.losses).await;
                if D::recycles(self.context.schema.isolation) {
                    let not_recycled = if loss.is_some() { NotRecycled::new(SERVER_ENDED) } else { not_recycled };
                    self.recycling.failed(&database.name, test, &not_recycled);
                    self.idle.make_ahead(self);
                }
                suspicion = loss.or(suspicion);
                self.idle.drop_later(self, database).await;
            }
        }
        suspicion.map_or(Ok(()), Err)
    }

    /// Restores a database for the next test.
    ///
    /// # Errors
    ///
    /// Why the database cannot be used again.
    async fn restore(&self, database: &mut Database<D>) -> Result<(), NotRecycled> {
        D::restore(&self.context, database).await?;
        // Sessions of a killed private server may have done that in their last milliseconds.
        if self.context.server.address().has_ended() { Err(NotRecycled::new(SERVER_ENDED)) } else { Ok(()) }
    }

    /// The reason of a test's failure if the server was lost during the test. `losses` is the count of losses from before the test.
    async fn loss_since(&self, losses: u32) -> Option<String> {
        let Context { server, leases, losses: counted, .. } = &self.context;
        let loss = loss_since(losses, leases, &server.lease_database, counted, server.facts.product()).await?;
        Some(format!("{loss}{}", server.address().reason_of_kill()))
    }

    /// Closes all connections. The remaining databases are dropped by the number of their owner.
    async fn close(&self) {
        let ends_with_run = self.context.server.ends_with_run();
        self.idle.clear(if ends_with_run { RunningDrops::Abandon } else { RunningDrops::Finish }).await;
        for connection in self.drop_connections.take() {
            close::<D>(connection).await;
        }
        D::close_worker_state(&self.context.state).await;
        if let Some(supervisor) = self.context.leases.lock().await.take() {
            supervisor.into_connection().close().await;
        }
    }
}

impl<D: Driver> Maker for Pool<D> {
    type Made = Database<D>;

    async fn make(&self) -> Result<Database<D>, Error> {
        let (name, losses) = {
            let mut leases = self.context.leases().await?;
            let name = leases.take().await?;
            D::create(&self.context, &mut leases, &name).await?;
            (name, self.context.losses())
        };
        let Prepared { sessions, snapshot } = D::prepare(&self.context, &name).await?;
        let address = self.context.server.address();
        let (url, client_command) = (D::url(address, &name)?, D::client_command(address, &name)?);
        Ok(Database { name, url, client_command, sessions, snapshot, losses })
    }

    async fn is_unchanged(&self, database: &mut Database<D>) -> bool {
        let Ok(snapshot) = &mut database.snapshot else {
            // Without a snapshot, no test has used the database. It is in its first state if the server is reachable, even after a restart.
            let is_reachable = is_reachable(&self.context.leases, &self.context.server.lease_database).await;
            database.losses = self.context.losses();
            return is_reachable;
        };
        database.losses = self.context.losses();
        snapshot.has_just_answered() || snapshot.is_alive().await && !self.context.server.address().has_ended()
    }

    async fn close(database: Database<D>) {
        D::close(database.sessions).await;
        if let Ok(snapshot) = database.snapshot {
            snapshot.close().await;
        }
    }

    async fn discard(&self, database: Database<D>) -> Result<(), Error> {
        let name = database.name.clone();
        <Self as Maker>::close(database).await;
        let drop = |mut connection| {
            let (address, name) = (self.context.server.address(), name.as_str());
            async move { drop_leased::<D>(address, &mut connection, name).await.map(|()| connection) }
        };
        self.drop_connections.run(self.context.server.connect(), drop).await
    }
}

/// The pool of one schema.
pub(crate) struct PoolOf<S: Schema> {
    pub(super) pool: Arc<Pool<S::Driver>>,
    schema: PhantomData<fn() -> S>,
}

impl<S: Schema> fmt::Debug for PoolOf<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PoolOf").finish_non_exhaustive()
    }
}

impl<S: Schema> PoolOf<S> {
    async fn open(server: &Server<S::Driver>, template: &Template<S>, teardown: &Teardown) -> Result<Self, Error> {
        S::check()?;
        let context = Context {
            server: server.clone(),
            blueprint: template.blueprint.clone(),
            schema: functions_of::<S>(),
            max_connections: affordable_connections(server.max_connections(), S::CONNECTIONS)?,
            state: S::Driver::worker_state(),
            leases: Mutex::default(),
            losses: Losses::default(),
        };
        let pool = Arc::new(Pool {
            context,
            drop_connections: DropConnections::new(S::Driver::MAX_DROPS),
            idle: IdleDatabases::default(),
            recycling: Recycling::of(server.facts.product()),
        });
        let leases = Leases::open(&server.lease_database).await?;
        if !server.ends_with_run() {
            let leftovers = Leftovers { lease_database: server.lease_database.clone(), owner: leases.owner() };
            teardown.durable(S::Driver::DROP_ALL, leftovers)?;
        }
        *pool.context.leases.lock().await = Some(Supervisor::new(leases, pool.context.losses.clone()));
        let (closed, summary) = (Arc::clone(&pool), teardown.clone());
        teardown.defer("leave the server", async move {
            summary.remark(closed.recycling.remark());
            closed.close().await;
        });
        Ok(Self { pool, schema: PhantomData })
    }
}

/// The pool of a worker. The worker closes it at its end.
#[fixture(scope = "worker", crate = crate::itest)]
async fn pool<S: Schema>(
    server: &Server<S::Driver>,
    template: &Template<S>,
    teardown: &Teardown,
) -> Result<PoolOf<S>, Error> {
    PoolOf::open(server, template, teardown).await
}
