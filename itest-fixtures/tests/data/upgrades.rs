//! Fresh databases and upgraded ones: what was released must not change, and a file with the schema must agree.

use itest::migrations::{Check, in_memory};
use itest::prelude::*;

use crate::migrations::{File, migrator, outcome};
use crate::servers::Postgres;

const EDITED: File =
    ("0001_customers.up.sql", "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(60) NOT NULL);\n");
const TOUCHED: File = (
    "0001_customers.up.sql",
    "-- Customers.\nCREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);\n",
);
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
#[case::edited(&[EDITED], "migration 1 (customers) up, migrations/0001_customers.up.sql was edited after its release, and databases that have it will refuse to migrate; take the edit back and write a new migration (- released, + edited):\n  - table customers: column name varchar(40) not null\n  + table customers: column name varchar(60) not null")]
#[case::touched(&[TOUCHED], "migration 1 (customers) up, migrations/0001_customers.up.sql was edited after its release, and databases that have it will refuse to migrate; take the edit back and write a new migration")]
async fn a_released_database_is_upgraded(
    dir: &TempDir,
    #[case] changed: &[File],
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let released = migrator(&dir.join("released"), &[]).await?;
    let now = migrator(&dir.join("migrations"), changed).await?;
    let check = Check::new(&now).folder(dir.join("migrations")).released(&released);

    #[act]
    let said = outcome(dir, check.run(in_memory).await);

    #[assert]
    assert_eq!(said, expected);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn a_migration_that_was_released_and_removed_is_told(dir: &TempDir) -> Result<()> {
    #[arrange]
    let released = migrator(&dir.join("released"), &NEWER).await?;
    let now = migrator(&dir.join("migrations"), &[]).await?;

    #[act]
    let said = outcome(dir, Check::new(&now).released(&released).run(in_memory).await);

    #[assert]
    assert_eq!(
        said,
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
async fn a_file_with_the_schema_is_compared_with_sqlite(
    dir: &TempDir,
    #[case] more: &str,
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let file = dir.join("schema.sql");
    std::fs::write(&file, format!("{SCHEMA}{more}"))?;
    let now = migrator(&dir.join("migrations"), &[]).await?;
    let check = Check::new(&now).folder(dir.join("migrations")).schema_file(file);

    #[act]
    let said = outcome(dir, check.run(in_memory).await);

    #[assert]
    assert_eq!(said, expected);
    Ok(())
}

/// Much of what PostgreSQL has; each part must be seen when it is not there.
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
async fn what_a_schema_of_postgres_is_made_of_is_compared(dir: &TempDir, postgres: &Postgres) -> Result<()> {
    #[arrange]
    let folder = dir.join("migrations");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("0001_rich.sql"), RICH.concat())?;
    let now = sqlx::migrate::Migrator::new(folder.as_path()).await?;
    let file = dir.join("schema.sql");
    // Each but those that others are made of is left out once.
    let optional = [1, 2, 3, 5, 6, 7, 8, 9, 10, 11];

    #[act]
    let mut said = Vec::new();
    std::fs::write(&file, RICH.concat())?;
    let check = Check::new(&now).schema_file(&file);
    let same = outcome(dir, check.run(async || postgres.empty().await).await);
    for left_out in optional {
        let rest: String = RICH.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, sql)| *sql).collect();
        std::fs::write(&file, rest)?;
        said.push(outcome(dir, check.run(async || postgres.empty().await).await));
    }

    #[assert]
    assert!(same.starts_with("1 migration applied, 0 undone"), "{same}");
    let told = said.iter().map(|said| said.lines().skip(1).collect::<Vec<_>>().join("\n")).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "  + type mood: enum fine, tired",
            "  + type positive: domain integer CHECK ((VALUE > 0))",
            "  + type pair: of a integer, b text",
            "  + table app.things: constraint positive_n CHECK ((n > 0))",
            "  + table app.things: CREATE UNIQUE INDEX things_n ON app.things USING btree (n) WHERE (n > 3)",
            "  + view seen: SELECT things.n FROM app.things;",
            "  + sequence numbers: bigint start 7 increment 1 from 1 to 9223372036854775807",
            "  + function twice(n integer): CREATE OR REPLACE FUNCTION public.twice(n integer) RETURNS integer LANGUAGE sql AS $function$ SELECT n * 2; $function$",
            "  + function stamp(): CREATE OR REPLACE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $function$ BEGIN RETURN NEW; END $function$\n  + table app.things: CREATE TRIGGER stamps BEFORE INSERT ON app.things FOR EACH ROW EXECUTE FUNCTION stamp()",
            "  - table app.things\n  + table app.things: policy own * permissive using (n = 1)\n  + table app.things: row level security"
        ]
    );
    Ok(())
}
