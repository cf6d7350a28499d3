//! The template: a database with all migrations and seeds, built once for a server and copied for the tests.

use std::any::Any;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use sqlx::Connection;
use sqlx::mysql::{MySqlConnection, MySqlPoolOptions};

use itest_runtime::__private::{Crossing, FixtureDescriptor, FunctionKind, Parameter, SessionScope};
use itest_runtime::{Error, Fixture};

use super::Schema;
use super::connection::{connect, literal, quoted, run};
use super::leases::{MARK, drop_database, drop_template, try_lock, unlock};
use super::server::Server;
use crate::database::{Fingerprint, build_of_this_binary, migration_failed};

/// So long somebody else may build the same template, in seconds.
const PATIENCE: u32 = 300;

/// The name of a template.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Template<S> {
    /// As a database.
    pub(super) name: String,
    #[serde(skip)]
    schema: PhantomData<fn() -> S>,
}

impl<S: Schema> Template<S> {
    /// Finds the template, or builds it.
    async fn provide(server: &Server) -> Result<Self, Error> {
        let build = build_of_this_binary();
        let fingerprint =
            Fingerprint::default().of_migrations(S::migrator()).of(&S::identity()).of(&build).of(&server.version);
        let name = format!("{MARK}template_{}", fingerprint.text());
        let suite = format!("{} of {}", S::identity(), std::env::current_exe().unwrap_or_default().display());
        let mut connection = connect(&server.address, None).await?;
        if !try_lock(&mut connection, &name, PATIENCE).await? {
            return Err(Error::new(format!("somebody has been building the template {name} for {PATIENCE} seconds")));
        }
        let outcome = Self::build_once(server, &mut connection, &name, &suite).await;
        unlock(&mut connection, &name).await?;
        outcome?;
        let others = sqlx::query_scalar(
            "SELECT name FROM itest_leases.template WHERE suite = ? AND name <> ?
             AND used < current_timestamp - INTERVAL 1 HOUR",
        );
        let others: Vec<String> = others.bind(&suite).bind(&name).fetch_all(&mut connection).await?;
        for other in others {
            drop_template(&mut connection, &other).await?;
        }
        let _ = connection.close().await;
        Ok(Self { name, schema: PhantomData })
    }

    async fn build_once(
        server: &Server,
        connection: &mut MySqlConnection,
        name: &str,
        suite: &str,
    ) -> Result<(), Error> {
        let found =
            sqlx::query("UPDATE itest_leases.template SET used = current_timestamp WHERE name = ? AND is_ready");
        found.bind(name).execute(&mut *connection).await?;
        let found = sqlx::query_scalar(
            "SELECT count(*) FROM itest_leases.template t JOIN information_schema.schemata s
             ON s.schema_name = convert(t.name USING utf8mb3) WHERE t.name = ? AND is_ready",
        );
        let found: i64 = found.bind(name).fetch_one(&mut *connection).await?;
        if found > 0 {
            return Ok(());
        }
        // First the table, then the database. Somebody may have died over it.
        let (listed, of) = (literal(name), literal(suite));
        let note = format!("REPLACE INTO itest_leases.template (name, suite) VALUES ({listed}, {of})");
        run(connection, "write to the table of templates", note).await?;
        drop_database(connection, name).await?;
        let create = format!("CREATE DATABASE {} CHARACTER SET utf8mb4", quoted(name));
        run(connection, "create the template database", create).await?;
        if let Err(error) = Self::fill(server, name).await {
            drop_database(connection, name).await?;
            return Err(error);
        }
        let ready = format!("UPDATE itest_leases.template SET is_ready = true WHERE name = {listed}");
        run(connection, "write to the table of templates", ready).await
    }

    async fn fill(server: &Server, name: &str) -> Result<(), Error> {
        let pool = MySqlPoolOptions::new().connect_lazy_with(S::options(server.address.options(Some(name))?));
        let migrator = S::migrator();
        // The server tells what is wrong near which words, and not where.
        migrator.run(&pool).await.map_err(|error| migration_failed(migrator, &error, |_| None))?;
        S::seed(&pool).await.map_err(|error| Error::new(format!("cannot seed the database: {error}")))?;
        pool.close().await;
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema> Fixture for Template<S> {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                FunctionKind::Async,
                const { &[Parameter::shared::<Server, SessionScope>()] },
                |inputs| {
                    Box::pin(async move {
                        let [server] = inputs.slots();
                        Ok(Box::new(Self::provide(server.shared()).await?) as Box<dyn Any>)
                    })
                },
            )
            .crossing(const { &Crossing::of::<Self>() })
        }
    }
}
