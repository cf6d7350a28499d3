//! Tests of proxies on real servers: PostgreSQL, whose statements are seen, and MariaDB, whose bytes pass unseen.

mod connections;
mod faults;
mod passing;

use itest::prelude::*;
use itest::{mysql, postgres};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgPool, PgPoolOptions};

itest::main!();

pub(crate) struct Accounts;

impl postgres::Schema for Accounts {
    fn migrator() -> &'static Migrator {
        static MIGRATOR: Migrator = sqlx::migrate!("tests/proxy/migrations");
        &MIGRATOR
    }
}

impl mysql::Schema for Accounts {
    fn migrator() -> &'static Migrator {
        static MIGRATOR: Migrator = sqlx::migrate!("tests/proxy/migrations");
        &MIGRATOR
    }
}

pub(crate) type Db = postgres::Postgres<Accounts>;

pub(crate) type MysqlDb = mysql::Mysql<Accounts>;

/// The pool of the code under test, which leads through the proxy.
pub(crate) struct Pool(pub(crate) PgPool);

#[fixture]
fn pool(db: &Db, proxy: &Proxy, teardown: &Teardown) -> Result<Pool> {
    let pool = PgPoolOptions::new().max_connections(3).connect_lazy(&db.through(proxy)?)?;
    let closed = pool.clone();
    teardown.defer("close the pool", async move { closed.close().await });
    Ok(Pool(pool))
}
