//! Checks of released migrations and of schema files: released migrations must not change, and a schema file must create the same schema.

use itest::migrations::{Backend, Check, in_memory};
use itest::prelude::*;
use sqlx::Pool;
use sqlx::migrate::Migrator;

use crate::migrations::{File, message_of, migrator};
use crate::servers::{Memory, MySql, Postgres};

const EDITED: File =
    ("0001_customers.up.sql", "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);\n");
const EDITED_COMMENT: File = (
    "0001_customers.up.sql",
    "-- Customers.\nCREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);\n",
);
/// Written after the release, but with a smaller number.
const EARLIER: [File; 2] = [
    ("0000_zero.up.sql", "CREATE TABLE zero (id INTEGER PRIMARY KEY);\n"),
    ("0000_zero.down.sql", "DROP TABLE zero;\n"),
];
/// Migrations that succeed only on a new database.
const TOO_LATE: [File; 2] = [
    (
        "0000_zero.up.sql",
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL); DROP TABLE customers;\n",
    ),
    ("0000_zero.down.sql", "SELECT 1;\n"),
];
const NEWER: [File; 2] = [
    ("0004_notes.up.sql", "ALTER TABLE orders ADD COLUMN note TEXT;\n"),
    ("0004_notes.down.sql", "ALTER TABLE orders DROP COLUMN note;\n"),
];

const SCHEMA: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, greeting VARCHAR(50), name VARCHAR(40) NOT NULL);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
        state VARCHAR(9) DEFAULT 'new');
    CREATE INDEX orders_state ON orders (state);";

#[integration_test(tags("sqlite"))]
#[case::newer(&NEWER, "4 migrations applied, 4 undone and applied again")]
#[case::inserted(&EARLIER, "4 migrations applied, 4 undone and applied again")]
#[case::inserted_too_late(
    &TOO_LATE,
    "migration 0 (zero) up, migrations/0000_zero.up.sql:1 fails, on a database of the released migrations: table customers already exists\n  \
     in: CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)"
)]
#[case::edited(&[EDITED], "migration 1 (customers) up, migrations/0001_customers.up.sql was edited after its release, and databases that have it will refuse to migrate; take the edit back and write a new migration (- released, + edited):\n  - table customers: column name varchar(40) not null\n  + table customers: column name varchar(60) not null")]
#[case::edited_comment(&[EDITED_COMMENT], "migration 1 (customers) up, migrations/0001_customers.up.sql was edited after its release, and databases that have it will refuse to migrate; take the edit back and write a new migration")]
async fn released_database_is_upgraded_or_the_problem_is_reported(
    dir: &TempDir,
    #[case] changed: &[File],
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let released = migrator(&dir.join("released"), &[]).await?;
    let current = migrator(&dir.join("migrations"), changed).await?;
    let check = Check::new(&current).folder(dir.join("migrations")).released(&released);

    #[act]
    let message = message_of(dir, check.run(in_memory).await);

    #[assert]
    assert_eq!(message, expected);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn removed_released_migration_is_reported(dir: &TempDir) -> Result<()> {
    #[arrange]
    let released = migrator(&dir.join("released"), &NEWER).await?;
    let current = migrator(&dir.join("migrations"), &[]).await?;

    #[act]
    let message = message_of(dir, Check::new(&current).released(&released).run(in_memory).await);

    #[assert]
    assert_eq!(
        message,
        "migration 4 (notes) up was released and is not there any more; databases that have it will refuse to migrate"
    );
    Ok(())
}

#[integration_test(tags("sqlite"))]
#[case::agrees("", "3 migrations applied, 3 undone and applied again")]
#[case::has_more(
    "CREATE TABLE extra (id INTEGER CHECK (id > 0));",
    "schema.sql and the migrations make different schemas (- schema.sql, + migrations), and no migration has to do with it:\n  - table extra\n  - table extra: check ( id > 0 )\n  - table extra: column id integer"
)]
#[case::has_less(
    "DROP INDEX orders_state;",
    "schema.sql and the migrations make different schemas (- schema.sql, + migrations); first at fault is migration 2 (orders) up, migrations/0002_orders.up.sql:\n  + table orders: index orders_state on state"
)]
#[case::is_broken("SELECT 1;\nCREATE TABLE;", "schema.sql:6: near \";\": syntax error\n  in: CREATE TABLE")]
async fn schema_file_is_compared_with_the_migrations(
    dir: &TempDir,
    #[case] more: &str,
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let file = dir.join("schema.sql");
    std::fs::write(&file, format!("{SCHEMA}{more}"))?;
    let current = migrator(&dir.join("migrations"), &[]).await?;
    let check = Check::new(&current).folder(dir.join("migrations")).schema_file(file);

    #[act]
    let message = message_of(dir, check.run(in_memory).await);

    #[assert]
    assert_eq!(message, expected);
    Ok(())
}

/// Leaves single statements out of a schema file, and returns the reported difference for each.
async fn differences<DB: Backend>(
    dir: &TempDir,
    parts: &[&str],
    optional: &[usize],
    mut empty: impl AsyncFnMut() -> Result<Pool<DB>>,
) -> Result<Vec<String>> {
    let folder = dir.join("migrations");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("0001_rich.sql"), parts.concat())?;
    let current = Migrator::new(folder.as_path()).await?;
    let file = dir.join("schema.sql");
    std::fs::write(&file, parts.concat())?;
    let check = Check::new(&current).schema_file(&file);
    let same = message_of(dir, check.run(&mut empty).await);
    assert!(same.starts_with("1 migration applied, 0 undone"), "{same}");
    let mut reported = Vec::new();
    for left_out in optional {
        let rest: String = parts.iter().enumerate().filter(|(at, _)| at != left_out).map(|(_, sql)| *sql).collect();
        std::fs::write(&file, rest)?;
        let difference = message_of(dir, check.run(&mut empty).await);
        reported.push(difference.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("; "));
    }
    Ok(reported)
}

/// Many kinds of objects of PostgreSQL. The check must report each one that is missing.
const RICH: [&str; 12] = [
    "CREATE SCHEMA app;",
    "CREATE TYPE mood AS ENUM ('fine', 'tired');",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0);",
    "CREATE TYPE pair AS (a int, b text);",
    "CREATE TABLE app.things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int);",
    "ALTER TABLE app.things ADD CONSTRAINT positive_n CHECK (n > 0);",
    "CREATE UNIQUE INDEX things_n ON app.things (n) WHERE n > 3;",
    "CREATE VIEW seen AS SELECT n FROM app.things;",
    "CREATE SEQUENCE numbers START 7;",
    "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS $$ SELECT n * 2; $$;",
    "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\
     CREATE TRIGGER stamps BEFORE INSERT ON app.things FOR EACH ROW EXECUTE FUNCTION stamp();",
    "ALTER TABLE app.things ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON app.things USING (n = 1);",
];

#[integration_test(tags("postgres"))]
async fn missing_objects_of_postgres_are_reported(dir: &TempDir, postgres: &Postgres) -> Result<()> {
    #[act]
    // Objects that other ones depend on are not left out.
    let optional = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11];
    let reported = differences(dir, &RICH, &optional, async || postgres.empty().await).await?;

    #[assert]
    assert_eq!(
        reported,
        [
            "+ type mood: enum fine, tired",
            "+ type positive: domain integer CHECK ((VALUE > 0))",
            "+ type pair: of a integer, b text",
            "+ table app.things: constraint positive_n CHECK ((n > 0))",
            "+ table app.things: CREATE UNIQUE INDEX things_n ON app.things USING btree (n) WHERE (n > 3)",
            "+ view seen: SELECT things.n FROM app.things;",
            "+ sequence numbers: bigint start 7 increment 1 from 1 to 9223372036854775807",
            "+ function twice(n integer): CREATE OR REPLACE FUNCTION public.twice(n integer) RETURNS integer LANGUAGE sql AS $function$ SELECT n * 2; $function$",
            "+ function stamp(): CREATE OR REPLACE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $function$ BEGIN RETURN NEW; END $function$; + table app.things: CREATE TRIGGER stamps BEFORE INSERT ON app.things FOR EACH ROW EXECUTE FUNCTION stamp()",
            "- table app.things; + table app.things: policy own * permissive using (n = 1); + table app.things: row level security"
        ]
    );
    Ok(())
}

const RICH_SQLITE: [&str; 11] = [
    "CREATE TABLE parents (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT COLLATE NOCASE);",
    "CREATE TABLE children (parent INTEGER REFERENCES parents (id) ON DELETE CASCADE, n INTEGER CHECK (n > 0), \
     twice INTEGER GENERATED ALWAYS AS (n * 2) VIRTUAL, UNIQUE (parent, n));",
    "CREATE UNIQUE INDEX some ON children (n DESC) WHERE n > 3;",
    "CREATE INDEX lowered ON parents (lower(name));",
    "CREATE VIEW seen AS SELECT n FROM children;",
    "CREATE TRIGGER stamps AFTER INSERT ON children BEGIN UPDATE parents SET name = 'a;'; END;",
    "CREATE TABLE strict_one (a ANY) STRICT;",
    "ALTER TABLE parents ADD COLUMN note TEXT NOT NULL DEFAULT '';",
    "CREATE TABLE keyed (a TEXT PRIMARY KEY) WITHOUT ROWID;",
    "ALTER TABLE keyed RENAME TO renamed;",
    "CREATE VIRTUAL TABLE words USING fts5(text);",
];

#[integration_test(tags("sqlite"))]
async fn missing_objects_of_sqlite_are_reported(dir: &TempDir, memory: &Memory) -> Result<()> {
    #[act]
    let reported = differences(dir, &RICH_SQLITE, &[2, 3, 4, 5, 6, 7, 9], async || memory.empty().await).await?;

    #[assert]
    assert_eq!(
        reported,
        [
            "+ table children: index some is ( n DESC ) WHERE n > 3; + table children: unique index some on n desc",
            "+ table parents: index lowered is ( lower ( name ) ); + table parents: index lowered on (expression)",
            "+ view seen: CREATE VIEW seen AS SELECT n FROM children",
            "+ trigger stamps: CREATE TRIGGER stamps AFTER INSERT ON children BEGIN UPDATE parents SET name = 'a;' ; END",
            "+ table strict_one: column a any; + table strict_one: strict",
            "+ table parents: column note text not null default ''",
            "- table keyed: column a text not null primary key 1; - table keyed: without rowid; + table renamed: column a text not null primary key 1; + table renamed: without rowid"
        ]
    );
    Ok(())
}

/// The same table, created by other statements and in another notation.
#[integration_test(tags("sqlite"))]
async fn rebuilt_table_of_sqlite_equals_a_created_one(dir: &TempDir) -> Result<()> {
    #[arrange]
    let folder = dir.join("migrations");
    std::fs::create_dir_all(&folder)?;
    let rebuilt = "CREATE TABLE old (id INTEGER PRIMARY KEY, a TEXT, gone TEXT);\nALTER TABLE old ADD COLUMN b INTEGER CHECK(b>0);\n\
                   ALTER TABLE old DROP COLUMN gone;\nALTER TABLE old RENAME TO \"t\";\n";
    std::fs::write(folder.join("0001_t.sql"), rebuilt)?;
    let migrator = Migrator::new(folder.as_path()).await?;
    let file = dir.join("schema.sql");
    std::fs::write(
        &file,
        "create table t (\n  b integer check ( b > 0 ), -- a comment\n  a text,\n  id integer primary key\n)",
    )?;

    #[act]
    let message = message_of(dir, Check::new(&migrator).schema_file(&file).run(in_memory).await);

    #[assert]
    assert!(message.starts_with("1 migration applied"), "{message}");
    Ok(())
}

const RICH_MYSQL: [&str; 8] = [
    "CREATE TABLE parents (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) DEFAULT 'a,b');",
    "CREATE TABLE children (parent INT, n INT, CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id));",
    "CREATE INDEX names ON parents (name);",
    "ALTER TABLE children ADD CONSTRAINT positive CHECK (n > 0);",
    "CREATE VIEW seen AS SELECT n FROM children;",
    "CREATE TRIGGER stamps BEFORE INSERT ON children FOR EACH ROW BEGIN SET NEW.n = NEW.n + 1; END;",
    "CREATE PROCEDURE twice(IN a INT) BEGIN SELECT a * 2; SELECT 1; END;",
    "CREATE FUNCTION thrice(a INT) RETURNS INT DETERMINISTIC RETURN a * 3;",
];

#[integration_test(tags("mysql"))]
async fn missing_objects_of_mysql_are_reported(dir: &TempDir, mysql: &MySql) -> Result<()> {
    #[act]
    let reported = differences(dir, &RICH_MYSQL, &[2, 3, 4, 5, 6, 7], async || mysql.empty().await).await?;

    #[assert]
    assert_eq!(
        reported,
        [
            "+ table parents: KEY `names` (`name`)",
            "+ table children: CONSTRAINT `positive` CHECK (`n` > 0)",
            "+ view seen: select `children` . `n` AS `n` from `children`",
            "+ trigger stamps: BEFORE INSERT on children BEGIN SET NEW . n = NEW . n + 1 ; END",
            "+ procedure twice: ( IN a int ( 11 ) ) BEGIN SELECT a * 2 ; SELECT 1 ; END",
            "+ function thrice: ( int ( 11 ) , IN a int ( 11 ) ) RETURN a * 3"
        ]
    );
    Ok(())
}
