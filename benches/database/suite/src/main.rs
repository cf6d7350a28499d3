//! The same small test with each of itest's methods to get a clean database, and on a database that is not cleaned: 20 times, and 200
//! times more.

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

/// Writes to three tables, and reads what it wrote. Returns the first id of a table and the number of rows of another one. The names must be
/// unique in the database; `$first` and `$second` are the placeholders of its SQL.
macro_rules! work {
    ($pool:expr, $name:expr, $first:literal, $second:literal) => {{
        let (pool, name) = ($pool, $name);
        let insert = concat!("INSERT INTO t01 (name) VALUES (", $first, ")");
        sqlx::query(insert).bind(&name).execute(&pool).await?;
        let first: i64 = sqlx::query_scalar("SELECT id FROM t01").fetch_one(&pool).await?;
        let insert = concat!("INSERT INTO t02 (name, parent_id) VALUES (", $first, ", 1)");
        sqlx::query(insert).bind(&name).execute(&pool).await?;
        let insert = concat!("INSERT INTO t07 (name) VALUES (", $first, "), (", $second, ")");
        sqlx::query(insert).bind(&name).bind(format!("{name} again")).execute(&pool).await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t07").fetch_one(&pool).await?;
        (first, count)
    }};
}

/// Tests that each get a clean database.
macro_rules! ways {
    ($($way:ident: $database:ty, $first:literal, $second:literal;)+) => {
        $(
            mod $way {
                use super::*;

                #[integration_test(tags("few"))]
                async fn few(
                    #[values(0, 1)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    db: &$database,
                ) -> Result<()> {
                    assert_eq!(work!(db.pool(), "one", $first, $second), (1, 2));
                    Ok(())
                }

                #[integration_test(tags("more"))]
                async fn more(
                    #[values(0, 1)] _hundreds: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _tens: u32,
                    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _ones: u32,
                    db: &$database,
                ) -> Result<()> {
                    assert_eq!(work!(db.pool(), "one", $first, $second), (1, 2));
                    Ok(())
                }
            }
        )+
    };
}

ways! {
    recycle: postgres::Postgres<Tables>, "$1", "$2";
    clone: postgres::Postgres<postgres::Cloned<Tables>>, "$1", "$2";
    transaction: postgres::Postgres<postgres::InTransaction<Tables>>, "$1", "$2";
    mysql_recycle: mysql::Mysql<Tables>, "?", "?";
    mysql_clone: mysql::Mysql<mysql::Cloned<Tables>>, "?", "?";
    sqlite_memory: sqlite::Sqlite<Tables>, "$1", "$2";
    sqlite_file: sqlite::Sqlite<InFiles>, "$1", "$2";
}

mod uncleaned;
