//! The same small test with each of itest's methods to get a clean database: 20 times, and 200 times more.

use itest::prelude::*;
use itest::{mysql, postgres, sqlite};
use sqlx::migrate::Migrator;

itest::main!();

static POSTGRES: Migrator = sqlx::migrate!("../postgres");
static MYSQL: Migrator = sqlx::migrate!("../mysql");
static SQLITE: Migrator = sqlx::migrate!("../sqlite");

/// A schema of twenty tables.
struct Tables;

impl postgres::Schema for Tables {
    fn migrator() -> &'static Migrator {
        &POSTGRES
    }
}

impl mysql::Schema for Tables {
    fn migrator() -> &'static Migrator {
        &MYSQL
    }
}

impl sqlite::Schema for Tables {
    fn migrator() -> &'static Migrator {
        &SQLITE
    }
}

/// The same schema in SQLite files.
struct InFiles;

impl sqlite::Schema for InFiles {
    const STORAGE: sqlite::Storage = sqlite::Storage::File;

    fn migrator() -> &'static Migrator {
        &SQLITE
    }
}

/// Writes to three tables, and reads what it wrote.
macro_rules! work {
    ($pool:expr) => {{
        let pool = $pool;
        sqlx::query("INSERT INTO t01 (name) VALUES ('one')").execute(&pool).await?;
        let first: i64 = sqlx::query_scalar("SELECT id FROM t01").fetch_one(&pool).await?;
        assert_eq!(first, 1);
        sqlx::query("INSERT INTO t02 (name, parent_id) VALUES ('two', 1)").execute(&pool).await?;
        sqlx::query("INSERT INTO t07 (name) VALUES ('seven'), ('eight')").execute(&pool).await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t07").fetch_one(&pool).await?;
        assert_eq!(count, 2);
        Ok(())
    }};
}

macro_rules! ways {
    ($($way:ident: $database:ty;)+) => {
        $(
            mod $way {
                use super::*;

                #[integration_test(tags("few"))]
                async fn few(
                    #[values(0, 1)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    db: &$database,
                ) -> Result<()> {
                    work!(db.pool())
                }

                #[integration_test(tags("more"))]
                async fn more(
                    #[values(0, 1)] _hundreds: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    db: &$database,
                ) -> Result<()> {
                    work!(db.pool())
                }
            }
        )+
    };
}

ways! {
    recycle: postgres::Postgres<Tables>;
    clone: postgres::Postgres<postgres::Cloned<Tables>>;
    transaction: postgres::Postgres<postgres::InTransaction<Tables>>;
    mysql_recycle: mysql::Mysql<Tables>;
    mysql_clone: mysql::Mysql<mysql::Cloned<Tables>>;
    sqlite_memory: sqlite::Sqlite<Tables>;
    sqlite_file: sqlite::Sqlite<InFiles>;
}
