//! The template: a database with all migrations and seeds, built once for a server and cloned for the tests.

use std::any::Any;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

use itest_runtime::__private::{Crossing, FixtureDescriptor, FunctionKind, Parameter, SessionScope};
use itest_runtime::{Error, Fixture, Teardown};

use super::connection::{connect, literal, quoted, run};
use super::leases::{BUILD_LOCK, MARK, USE_LOCK, drop_database, drop_template};
use super::server::Server;
use super::{Isolation, Schema};
use crate::database::{Fingerprint, build_of_this_binary, failed_to, migration_failed};

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
    /// Finds the template, or builds it; it is kept from being dropped while the session lasts.
    async fn provide(server: &Server, teardown: &Teardown) -> Result<Self, Error> {
        if S::ISOLATION == Isolation::Schema {
            // What is built for each test needs no template.
            return Ok(Self { name: String::new(), schema: PhantomData });
        }
        if !server.creates {
            let place = server.address.in_words();
            return Err(Error::new(format!(
                "the role may not create databases on {place}: grant it CREATEDB, or use Isolation::Schema"
            )));
        }
        let migrator = S::migrator();
        let build = build_of_this_binary();
        let fingerprint =
            Fingerprint::default().of_migrations(migrator).of(&S::identity()).of(&build).of(&server.version);
        let name = format!("{MARK}template_{}", fingerprint.text());
        let number = i32::from_str_radix(&fingerprint.text()[..7], 16).unwrap_or_default();
        let suite = format!("{} of {}", S::identity(), std::env::current_exe().unwrap_or_default().display());

        let mut connection = server.connect().await?;
        let lock = sqlx::query("SELECT pg_advisory_lock_shared($1, $2)").bind(USE_LOCK).bind(number);
        lock.execute(&mut connection).await?;
        // Building takes a while, and others wait for it.
        run(&mut connection, "wait for the template", "SET lock_timeout = 0; SET statement_timeout = 0").await?;
        let lock = sqlx::query("SELECT pg_advisory_lock($1, $2)").bind(BUILD_LOCK).bind(number);
        lock.execute(&mut connection).await?;
        let outcome = Self::build_once(server, &mut connection, &name, number, &suite).await;
        let unlock = sqlx::query("SELECT pg_advisory_unlock($1, $2)").bind(BUILD_LOCK).bind(number);
        unlock.execute(&mut connection).await?;
        outcome?;
        if !server.is_private() {
            forget_others(server, &mut connection, &name, &suite).await?;
        }
        teardown.defer("let the template go", async move {
            let _ = connection.close().await;
        });
        Ok(Self { name, schema: PhantomData })
    }

    async fn build_once(
        server: &Server,
        connection: &mut PgConnection,
        name: &str,
        number: i32,
        suite: &str,
    ) -> Result<(), Error> {
        let found = sqlx::query_scalar(
            "UPDATE itest_leases.template SET used = now() WHERE name = $1 AND is_ready
             AND EXISTS (SELECT FROM pg_database WHERE datname = $1) RETURNING true",
        );
        let found: Option<bool> = found.bind(name).fetch_optional(&mut *connection).await?;
        if found.is_some() {
            return Ok(());
        }
        // First the table, then the database.
        sqlx::query(
            "INSERT INTO itest_leases.template (name, number, suite) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET is_ready = false",
        )
        .bind(name)
        .bind(number)
        .bind(suite)
        .execute(&mut *connection)
        .await?;
        // Somebody may have died over it.
        drop_database(&server.address, connection, name).await?;
        run(connection, "create the template database", format!("CREATE DATABASE {}", quoted(name))).await?;
        if let Err(error) = Self::fill(server, name).await {
            drop_database(&server.address, connection, name).await?;
            return Err(error);
        }
        let close = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", quoted(name));
        run(connection, "close the template database", close).await?;
        let ready = format!("UPDATE itest_leases.template SET is_ready = true WHERE name = {}", literal(name));
        run(connection, "write to the table of templates", ready).await
    }

    async fn fill(server: &Server, name: &str) -> Result<(), Error> {
        let pool = PgPoolOptions::new().connect_lazy_with(S::options(server.address.options(Some(name))?));
        fill::<S>(&pool).await?;
        pool.close().await;
        let mut connection = connect(&server.address, Some(name)).await?;
        // A sequence that has given out a number is some thirty numbers ahead after a crash of the server, unless it was set.
        let set = "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value) FROM pg_sequences
                   WHERE last_value IS NOT NULL";
        run(&mut connection, "set the sequences of the template database", set).await?;
        // Those of the suite alone: the catalogs would get files of their own for what is free and visible in them, and each clone a copy.
        // Partitions come with their tables.
        let tables = "SELECT string_agg(oid::regclass::text, ',') FROM pg_class
                      WHERE relkind IN ('r', 'p', 'm') AND NOT relispartition AND oid >= 16384";
        let tables: Option<String> = sqlx::query_scalar(tables).fetch_one(&mut connection).await?;
        if let Some(tables) = tables {
            let vacuum = format!("VACUUM (FREEZE, ANALYZE) {tables}");
            run(&mut connection, "vacuum the template database", vacuum).await?;
        }
        leave(connection).await?;
        // The first session after a change of the schema writes a file that spares others the search of the catalogs for the catalogs'
        // own definitions; clones get it with the rest.
        leave(connect(&server.address, Some(name)).await?).await
    }
}

async fn leave(connection: PgConnection) -> Result<(), Error> {
    connection.close().await.map_err(|error| failed_to("leave the template database", &error))
}

/// Runs the migrations and the seeds.
pub(super) async fn fill<S: Schema>(pool: &PgPool) -> Result<(), Error> {
    let migrator = S::migrator();
    migrator.run(pool).await.map_err(|error| migration_failed(migrator, &error, place))?;
    S::seed(pool).await.map_err(|error| Error::new(format!("cannot seed the database: {error}")))
}

/// Where in a statement the server found a mistake.
fn place(error: &sqlx::Error) -> Option<usize> {
    match error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?.position()? {
        PgErrorPosition::Original(place) => Some(place),
        PgErrorPosition::Internal { .. } => None,
    }
}

/// Drops templates of earlier builds of the same suite.
async fn forget_others(server: &Server, connection: &mut PgConnection, name: &str, suite: &str) -> Result<(), Error> {
    let others = sqlx::query_scalar("SELECT name FROM itest_leases.template WHERE suite = $1 AND name <> $2");
    let others: Vec<String> = others.bind(suite).bind(name).fetch_all(&mut *connection).await?;
    for other in others {
        drop_template(server, connection, &other).await?;
    }
    Ok(())
}

#[diagnostic::do_not_recommend]
impl<S: Schema> Fixture for Template<S> {
    type Scope = SessionScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                FunctionKind::Async,
                const { &[Parameter::shared::<Server, SessionScope>(), Parameter::shared::<Teardown, SessionScope>()] },
                |inputs| {
                    Box::pin(async move {
                        let [server, teardown] = inputs.slots();
                        let template = Self::provide(server.shared(), teardown.shared()).await?;
                        Ok(Box::new(template) as Box<dyn Any>)
                    })
                },
            )
            .crossing(const { &Crossing::of::<Self>() })
        }
    }
}
