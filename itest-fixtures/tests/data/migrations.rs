//! Checks of correct migrations, and of migrations with each kind of problem, on every database.

use std::path::{Path, PathBuf};

use itest::migrations::{Backend, Check, Example, NO_ROWS, in_memory};
use itest::prelude::*;
use sqlx::Pool;
use sqlx::migrate::Migrator;

use crate::servers::{Memory, MySql, Postgres, TestQueries};

/// The name and the text of a migration file.
pub(crate) type File = (&'static str, &'static str);

/// Correct migrations in SQL that every database accepts.
pub(crate) const GOOD: [File; 6] = [
    ("0001_customers.up.sql", "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);\n"),
    ("0001_customers.down.sql", "DROP TABLE customers;\n"),
    (
        "0002_orders.up.sql",
        "-- Orders; with an index.\nCREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, state VARCHAR(9) DEFAULT \
         'new', FOREIGN KEY (customer_id) REFERENCES customers (id));\n\nCREATE INDEX orders_state ON orders (state);\n",
    ),
    ("0002_orders.down.sql", "DROP TABLE orders;\n"),
    (
        "0003_greetings.up.sql",
        "ALTER TABLE customers ADD COLUMN greeting VARCHAR(50);\nUPDATE customers SET greeting = CONCAT('Dear ', name);\n",
    ),
    ("0003_greetings.down.sql", "ALTER TABLE customers DROP COLUMN greeting;\n"),
];

/// Writes the correct migrations, with some of them replaced, and reads them with sqlx.
pub(crate) async fn migrator(dir: &Path, changed: &[File]) -> Result<Migrator> {
    std::fs::create_dir_all(dir)?;
    for (name, text) in GOOD.iter().chain(changed) {
        std::fs::write(dir.join(name), text)?;
    }
    Ok(Migrator::new(dir).await?)
}

fn example() -> Example {
    Example::new("customers are greeted")
        .before(2, "INSERT INTO customers (id, name) VALUES (1, 'Ada'), (2, 'Bob;')")
        .before(3, "INSERT INTO orders (id, customer_id) VALUES (1, 2)")
        .after(3, "SELECT name, greeting FROM customers ORDER BY id", [["Ada", "Dear Ada"], ["Bob;", "Dear Bob;"]])
        .after(3, "SELECT id FROM orders WHERE state IS NULL", NO_ROWS)
        .undone(3, "SELECT name FROM customers ORDER BY id", [["Ada"], ["Bob;"]])
}

/// Checks the migrations and returns the report or the error, without the path of the folder.
async fn check_message<DB: Backend>(
    dir: &TempDir,
    changed: &[File],
    make: impl AsyncFnMut() -> Result<Pool<DB>>,
) -> Result<String> {
    let folder = dir.join("migrations");
    let migrator = migrator(&folder, changed).await?;
    let check = Check::new(&migrator).folder(&folder).example(example());
    Ok(message_of(dir, check.run(make).await))
}

pub(crate) fn message_of(
    dir: &TempDir,
    result: std::result::Result<itest::migrations::Report, itest::migrations::MigrationError>,
) -> String {
    let text = result.map_or_else(|error| error.to_string(), |report| report.to_string());
    text.replace(&format!("{}/", dir.path().display()), "")
}

const SUCCESS: &str = "3 migrations applied, 3 undone and applied again, 1 example kept";

const BAD_UP: File =
    ("0002_orders.up.sql", "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n\nINSERT INTO missing\n  VALUES (1);\n");
const INCOMPLETE_DOWN: File = ("0002_orders.down.sql", "SELECT 1;\n");
const LOSING_ROWS: File = (
    "0003_greetings.up.sql",
    "ALTER TABLE customers ADD COLUMN greeting VARCHAR(50);\nDELETE FROM customers WHERE id = 1;\n\
     UPDATE customers SET greeting = 'Dear Bob;';\n",
);
/// The message for [`LOSING_ROWS`] on every database.
const LOST_ROWS_MESSAGE: &str = "2 problems with the migrations:\n1. example `customers are greeted`: migration 3 (greetings) up, migrations/0003_greetings.up.sql leaves 1 of 2 rows in table customers; if it should, say `.may_lose_rows(3)`\n2. example `customers are greeted`: after migration 3 (greetings) up, migrations/0003_greetings.up.sql, `SELECT name, greeting FROM customers ORDER BY id` gives (- expected, + found):\n  - Ada | Dear Ada\n  - Bob; | Dear Bob;\n  + Bob; | Dear Bob;";
const BAD_DOWN: File = ("0003_greetings.down.sql", "\nALTER TABLE customers DROP COLUMN greting;\n");

#[integration_test(tags("sqlite"))]
async fn good_migrations_pass_on_sqlite(dir: &TempDir, memory: &Memory) -> Result<()> {
    assert_eq!(check_message(dir, &[], async || memory.empty().await).await?, SUCCESS);
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn good_migrations_pass_on_postgres(dir: &TempDir, postgres: &Postgres) -> Result<()> {
    assert_eq!(check_message(dir, &[], async || postgres.empty().await).await?, SUCCESS);
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn good_migrations_pass_on_mysql(dir: &TempDir, mysql: &MySql) -> Result<()> {
    assert_eq!(check_message(dir, &[], async || mysql.empty().await).await?, SUCCESS);
    Ok(())
}

#[integration_test(tags("sqlite"))]
#[case::bad_up(
    BAD_UP,
    "migration 2 (orders) up, migrations/0002_orders.up.sql:3 fails: no such table: missing\n  in: INSERT INTO missing VALUES (1)"
)]
#[case::bad_down(
    BAD_DOWN,
    "migration 3 (greetings) down, migrations/0003_greetings.down.sql:2 fails: no such column: \"greting\"\n  in: ALTER TABLE customers DROP COLUMN greting"
)]
#[case::incomplete_down(
    INCOMPLETE_DOWN,
    "migration 2 (orders) down, migrations/0002_orders.down.sql does not take back what its up did (- expected, + found):\n  + table orders\n  + table orders: column customer_id integer not null\n  + table orders: column id integer primary key 1\n  + table orders: column state varchar(9) default 'new'\n  + table orders: foreign key customer_id to customers (id) on update no action on delete no action\n  + table orders: index orders_state on state"
)]
#[case::losing_rows(LOSING_ROWS, LOST_ROWS_MESSAGE)]
async fn problem_is_reported_on_sqlite(
    dir: &TempDir,
    memory: &Memory,
    #[case] changed: File,
    #[case] expected: &str,
) -> Result<()> {
    assert_eq!(check_message(dir, &[changed], async || memory.empty().await).await?, expected);
    Ok(())
}

#[integration_test(tags("postgres"))]
#[case::bad_up(
    BAD_UP,
    "migration 2 (orders) up, migrations/0002_orders.up.sql:3 fails: relation \"missing\" does not exist\n  in: INSERT INTO missing VALUES (1)"
)]
#[case::bad_down(
    BAD_DOWN,
    "migration 3 (greetings) down, migrations/0003_greetings.down.sql:2 fails: column \"greting\" of relation \"customers\" does not exist\n  in: ALTER TABLE customers DROP COLUMN greting"
)]
#[case::incomplete_down(
    INCOMPLETE_DOWN,
    "migration 2 (orders) down, migrations/0002_orders.down.sql does not take back what its up did (- expected, + found):\n  + table orders\n  + table orders: CREATE INDEX orders_state ON public.orders USING btree (state)\n  + table orders: column customer_id integer not null\n  + table orders: column id integer not null\n  + table orders: column state character varying(9) default 'new'::character varying\n  + table orders: constraint orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customers(id)\n  + table orders: constraint orders_pkey PRIMARY KEY (id)"
)]
#[case::losing_rows(LOSING_ROWS, LOST_ROWS_MESSAGE)]
async fn problem_is_reported_on_postgres(
    dir: &TempDir,
    postgres: &Postgres,
    #[case] changed: File,
    #[case] expected: &str,
) -> Result<()> {
    assert_eq!(check_message(dir, &[changed], async || postgres.empty().await).await?, expected);
    Ok(())
}

#[integration_test(tags("mysql"))]
#[case::bad_up(
    BAD_UP,
    "migration 2 (orders) up, migrations/0002_orders.up.sql:3 fails: Table 'DB.missing' doesn't exist\n  in: INSERT INTO missing VALUES (1)"
)]
#[case::bad_down(
    BAD_DOWN,
    "migration 3 (greetings) down, migrations/0003_greetings.down.sql:2 fails: Can't DROP COLUMN `greting`; check that it exists\n  in: ALTER TABLE customers DROP COLUMN greting"
)]
#[case::incomplete_down(
    INCOMPLETE_DOWN,
    "migration 2 (orders) down, migrations/0002_orders.down.sql does not take back what its up did (- expected, + found):\n  + table orders: CONSTRAINT `orders_ibfk_1` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`)\n  + table orders: ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci\n  + table orders: KEY `customer_id` (`customer_id`)\n  + table orders: KEY `orders_state` (`state`)\n  + table orders: PRIMARY KEY (`id`)\n  + table orders: column customer_id int(11) NOT NULL\n  + table orders: column id int(11) NOT NULL\n  + table orders: column state varchar(9) DEFAULT 'new'"
)]
#[case::losing_rows(LOSING_ROWS, LOST_ROWS_MESSAGE)]
async fn problem_is_reported_on_mysql(
    dir: &TempDir,
    mysql: &MySql,
    #[case] changed: File,
    #[case] expected: &str,
) -> Result<()> {
    let mut names = Vec::new();
    let changed = [changed];
    let check_message = check_message(dir, &changed, async || {
        let pool = mysql.empty().await?;
        names.push(pool.text("SELECT DATABASE()").await?);
        Ok(pool)
    });
    let check_message = check_message.await?;
    assert_eq!(names.iter().fold(check_message, |check_message, name| check_message.replace(name, "DB")), expected);
    Ok(())
}

/// Migrations that fail only if the table has rows.
const WITH_ROWS: [File; 2] = [
    ("0003_greetings.up.sql", "ALTER TABLE customers ADD COLUMN greeting VARCHAR(50) NOT NULL;\n"),
    ("0003_greetings.down.sql", "ALTER TABLE customers DROP COLUMN greeting;\n"),
];

#[integration_test(tags("postgres"))]
async fn failure_that_needs_rows_is_reported(dir: &TempDir, postgres: &Postgres) -> Result<()> {
    assert_eq!(
        check_message(dir, &WITH_ROWS, async || postgres.empty().await).await?,
        "migration 3 (greetings) up, migrations/0003_greetings.up.sql:1 fails, with the rows of the example `customers are greeted`: column \"greeting\" of relation \"customers\" contains null values\n  in: ALTER TABLE customers ADD COLUMN greeting VARCHAR(50) NOT NULL"
    );
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn migration_without_a_down_file_is_reported(dir: &TempDir) -> Result<()> {
    #[arrange]
    let folder: PathBuf = dir.join("migrations");
    migrator(&folder, &[]).await?;
    std::fs::remove_file(folder.join("0002_orders.down.sql"))?;
    let migrator = Migrator::new(folder.as_path()).await?;
    let check = Check::new(&migrator);

    #[act]
    let optional = message_of(dir, check.run(in_memory).await);
    let required = message_of(dir, check.clone().folder(&folder).require_down().run(in_memory).await);

    #[assert]
    assert_eq!(
        optional,
        "3 migrations applied, 1 undone and applied again; migration 2 (orders) up has no down file, so neither it nor \
         what is before it was undone"
    );
    assert_eq!(
        required,
        "migration 2 (orders) up, migrations/0002_orders.up.sql has no down file, and this check requires one"
    );
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn expectation_that_is_never_checked_is_refused(dir: &TempDir) -> Result<()> {
    #[arrange]
    let folder: PathBuf = dir.join("migrations");
    migrator(&folder, &[]).await?;
    std::fs::remove_file(folder.join("0002_orders.down.sql"))?;
    let migrator = Migrator::new(folder.as_path()).await?;
    let undone = |version| Example::new("e").undone(version, "SELECT 'a'", [["a"]]);

    #[act]
    let checked = message_of(dir, Check::new(&migrator).example(undone(3)).run(in_memory).await);
    let unchecked = message_of(dir, Check::new(&migrator).example(undone(1)).run(in_memory).await);

    #[assert]
    assert!(checked.starts_with("3 migrations applied, 1 undone and applied again, 1 example kept; "), "{checked}");
    assert_eq!(
        unchecked,
        "example `e` expects something after migration 1 was undone, but migration 2 (orders) up has no down file"
    );
    Ok(())
}

/// The migrations of the example application.
#[integration_test(tags("sqlite"))]
async fn migrations_of_the_example_shop_keep_products() -> Result<()> {
    #[arrange]
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/migrations/sqlite");
    let migrator = Migrator::new(folder.as_path()).await?;
    let example = Example::new("products keep their stock")
        .before(3, "INSERT INTO products (sku, name, price_cents, stock) VALUES ('b-1', 'book', 1299, 3)")
        .after(4, "SELECT name, stock FROM products", [["book", "3"]]);

    #[act]
    let report = Check::new(&migrator).folder(&folder).example(example).run(in_memory).await?;

    #[assert]
    assert_eq!((report.applied(), report.undone()), (migrator.iter().count(), 0));
    assert!(report.to_string().contains("has no down file"), "{report}");
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn database_that_is_not_empty_is_refused(dir: &TempDir, memory: &Memory) -> Result<()> {
    #[arrange]
    let migrator = migrator(&dir.join("migrations"), &[]).await?;
    let database = memory.empty().await?;
    database.script("CREATE TABLE precious (id INTEGER)").await?;

    #[act]
    let check_message =
        message_of(dir, Check::new(&migrator).run(async || Ok::<_, itest::Error>(database.clone())).await);

    #[assert]
    assert_eq!(
        check_message,
        "the database for the check is not empty: it has table precious; give the check new ones, nothing was changed"
    );
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn empty_migrations_folder_is_reported(dir: &TempDir) -> Result<()> {
    #[arrange]
    let migrator = Migrator::new(dir.path()).await?;

    #[act]
    let check_message = message_of(dir, Check::new(&migrator).run(in_memory).await);

    #[assert]
    assert_eq!(check_message, "there are no migrations to check; is it the right folder?");
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn allowed_loss_of_rows_is_no_problem(dir: &TempDir) -> Result<()> {
    #[arrange]
    let migrator = migrator(&dir.join("migrations"), &[LOSING_ROWS]).await?;
    let example = Example::new("the first is gone").before(3, "INSERT INTO customers VALUES (1, 'Ada')");
    let check = Check::new(&migrator).example(example);

    #[act]
    let refused = message_of(dir, check.run(in_memory).await);
    let allowed = message_of(dir, check.may_lose_rows(3).run(in_memory).await);

    #[assert]
    assert_eq!(
        refused,
        "example `the first is gone`: migration 3 (greetings) up leaves 0 of 1 rows in table customers; if it should, say \
         `.may_lose_rows(3)`"
    );
    assert_eq!(allowed, SUCCESS);
    Ok(())
}

#[integration_test(tags("sqlite"))]
#[case::no_version(Example::new("e").before(9, "SELECT 1"), "example `e` names migration 9, which is not there; there are 1, 2, 3")]
#[case::bad_rows(
    Example::new("e").before(1, "INSERT INTO customers VALUES (1)"),
    "example `e`: `INSERT INTO customers VALUES (1)` before migration 1 fails: no such table: customers"
)]
#[case::bad_query(
    Example::new("e").after(1, "SELECT missing FROM customers", NO_ROWS),
    "example `e`: `SELECT missing FROM customers` after migration 1 (customers) up fails: no such column: missing"
)]
#[case::no_rows(
    Example::new("e").after(2, "SELECT name FROM customers", [["Ada"]]),
    "example `e`: after migration 2 (orders) up, `SELECT name FROM customers` gives (- expected, + found):\n  - Ada\n  + (no rows)"
)]
async fn invalid_example_is_reported(dir: &TempDir, #[case] example: Example, #[case] expected: &str) -> Result<()> {
    #[arrange]
    let migrator = migrator(&dir.join("migrations"), &[]).await?;

    #[act]
    let check_message = message_of(dir, Check::new(&migrator).example(example).run(in_memory).await);

    #[assert]
    assert_eq!(check_message, expected);
    Ok(())
}
