//! Tests of the errors of invalid seeds: position, cause and remedy.

use itest::data::{self, Backend};
use itest::prelude::*;
use sqlx::Pool;

use crate::servers::{Memory, MySql, Postgres, TestQueries};

const SCHEMA: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(5) NOT NULL, age INTEGER, premium BOOLEAN);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, FOREIGN KEY (customer_id) REFERENCES customers (id));";

/// The error of loading a seed with this name and text, without the path of the folder.
async fn load_error<DB: Backend>(pool: Pool<DB>, dir: &TempDir, name: &str, text: &str) -> Result<String>
where
    Pool<DB>: TestQueries,
{
    pool.script(SCHEMA).await?;
    let path = dir.join(name);
    std::fs::write(&path, text)?;
    let error = match data::load(&pool, [&path]).await {
        Ok(()) => return Err("the seed was loaded".into()),
        Err(error) => error.to_string(),
    };
    assert_eq!(pool.text("SELECT concat(count(*), '') FROM customers").await?, "0", "a part was loaded: {error}");
    pool.close().await;
    Ok(error.replace(&format!("{}/", dir.path().display()), ""))
}

#[integration_test(tags("sqlite"))]
#[case::no_table(
    "a.json",
    "{\"customer\": [\n{\"id\": 1}]}",
    "a.json:2: there is no table `customer`; there are customers, orders"
)]
#[case::no_column(
    "customers.csv",
    "id,nam\n1,x\n",
    "customers.csv:2: table `customers` has no column `nam`; it has id, name, age, premium"
)]
#[case::wrong_type(
    "customers.csv",
    "id,name,age\n1,Ada,36\n2,Bob,old\n",
    "customers.csv:3: customers.age is INTEGER and takes a whole number, not \"old\""
)]
#[case::wrong_boolean(
    "a.json",
    "{\"customers\": [{\"id\": 1, \"name\": \"A\", \"premium\": \"yes\"}]}",
    "a.json:1: customers.premium is BOOLEAN and takes true or false, not \"yes\""
)]
#[case::missing_value(
    "a.json",
    "{\"customers\": [{\"id\": 1}]}",
    "a.json:1: table `customers` refused the row: NOT NULL constraint failed: customers.name"
)]
#[case::missing_parent(
    "a.json",
    "{\"orders\": [\n\n{\"id\": 1, \"customer_id\": 7}]}",
    "a.json:3: table `orders` refused the row: FOREIGN KEY constraint failed (customer_id refers to customers.id)"
)]
#[case::twice(
    "customers.csv",
    "id,name\n1,A\n1,B\n",
    "customers.csv:3: table `customers` refused the row: UNIQUE constraint failed: customers.id"
)]
#[case::broken_json("a.json", "{\"customers\": [\n{\"id\": 1,}]}", "a.json:2: key must be a string")]
#[case::no_rows(
    "a.json",
    "{\"customers\": {\"id\": 1}}",
    "a.json:1: invalid type: map, expected a sequence; expected a list of rows: [{\"column\": value}]"
)]
#[case::broken_csv(
    "customers.csv",
    "id,name\n1,A\n2,\"B\n",
    "customers.csv:3: a quote is opened here and never closed"
)]
#[case::short_record(
    "customers.csv",
    "id,name\n1\n",
    "customers.csv:2: 1 fields, but the header names 2 columns; a field with a comma in it stands in quotes"
)]
#[case::bad_statement(
    "a.sql",
    "SELECT 1;\n\nINSERT INTO custumers\n  VALUES (1, 'A;');\nSELECT 2;",
    "a.sql:3: no such table: custumers, in: INSERT INTO custumers VALUES (1, 'A;')"
)]
#[case::unknown_format(
    "a.yaml",
    "",
    "a.yaml: is no seed; a seed ends in .sql, .json or .csv, or is a folder with such files"
)]
async fn invalid_seed_is_reported_on_sqlite(
    memory: &Memory,
    dir: &TempDir,
    #[case] name: &str,
    #[case] text: &str,
    #[case] expected: &str,
) -> Result<()> {
    assert_eq!(load_error(memory.empty().await?, dir, name, text).await?, expected);
    Ok(())
}

#[integration_test(tags("postgres"))]
#[case::no_table(
    "a.json",
    "{\"customer\": [\n{\"id\": 1}]}",
    "a.json:2: there is no table `customer`; there are customers, orders"
)]
#[case::wrong_type(
    "customers.csv",
    "id,name,age\n1,Ada,36\n2,Bob,old\n",
    "customers.csv:3: customers.age is integer and was given \"old\": invalid input syntax for type integer: \"old\""
)]
#[case::too_long(
    "a.json",
    "{\"customers\": [{\"id\": 1, \"name\": \"Adalbert\"}]}",
    "a.json:1: customers.name is character varying(5) and was given \"Adalbert\": value too long for type character varying(5)"
)]
#[case::missing_value(
    "a.json",
    "{\"customers\": [{\"id\": 1}]}",
    "a.json:1: customers.name is character varying(5) and was given no value: null value in column \"name\" of relation \"customers\" violates not-null constraint; Failing row contains (1, null, null, null)"
)]
#[case::missing_parent(
    "a.json",
    "{\"orders\": [\n\n{\"id\": 1, \"customer_id\": 7}]}",
    "a.json:3: table `orders` refused the row: insert or update on table \"orders\" violates foreign key constraint \"orders_customer_id_fkey\"; Key (customer_id)=(7) is not present in table \"customers\""
)]
#[case::bad_statement(
    "a.sql",
    "SELECT 1;\n\nINSERT INTO\n  custumers\n  VALUES (1, 'A;');\nSELECT 2;",
    "a.sql:4: relation \"custumers\" does not exist, in: INSERT INTO custumers VALUES (1, 'A;')"
)]
#[case::copy(
    "a.sql",
    "SELECT 1;\n\nCOPY public.customers (id, name) FROM stdin;\n1\tAda\n\\.\n",
    "a.sql:3: `COPY … FROM stdin` is followed by rows that only psql sends; dump them with `pg_dump --inserts`"
)]
#[case::refused_statement(
    "a.sql",
    "SELECT 1;\n\nINSERT INTO orders VALUES (1, 7);",
    "a.sql:3: insert or update on table \"orders\" violates foreign key constraint \"orders_customer_id_fkey\"; Key (customer_id)=(7) is not present in table \"customers\", in: INSERT INTO orders VALUES (1, 7)"
)]
async fn invalid_seed_is_reported_on_postgres(
    postgres: &Postgres,
    dir: &TempDir,
    #[case] name: &str,
    #[case] text: &str,
    #[case] expected: &str,
) -> Result<()> {
    assert_eq!(load_error(postgres.empty().await?, dir, name, text).await?, expected);
    Ok(())
}

#[integration_test(tags("mysql"))]
#[case::no_table(
    "a.json",
    "{\"customer\": [\n{\"id\": 1}]}",
    "a.json:2: there is no table `customer`; there are customers, orders"
)]
#[case::wrong_type(
    "customers.csv",
    "id,name,age\n1,Ada,36\n2,Bob,old\n",
    "customers.csv:3: table `customers` refused the row: Incorrect integer value: 'old' for column `DB`.`customers`.`age` at row 1"
)]
#[case::too_long(
    "a.json",
    "{\"customers\": [{\"id\": 1, \"name\": \"Adalbert\"}]}",
    "a.json:1: table `customers` refused the row: Data too long for column 'name' at row 1"
)]
#[case::missing_parent(
    "a.json",
    "{\"orders\": [\n\n{\"id\": 1, \"customer_id\": 7}]}",
    "a.json:3: table `orders` refused the row: Cannot add or update a child row: a foreign key constraint fails (`DB`.`orders`, CONSTRAINT `orders_ibfk_1` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`))"
)]
#[case::bad_statement(
    "a.sql",
    "SELECT 1;\n\nINSERT INTO orders\n  VALUES (1, 7);\nSELECT 2;",
    "a.sql:3: Cannot add or update a child row: a foreign key constraint fails (`DB`.`orders`, CONSTRAINT `orders_ibfk_1` FOREIGN KEY (`customer_id`) REFERENCES `customers` (`id`)), in: INSERT INTO orders VALUES (1, 7)"
)]
async fn invalid_seed_is_reported_on_mysql(
    mysql: &MySql,
    dir: &TempDir,
    #[case] name: &str,
    #[case] text: &str,
    #[case] expected: &str,
) -> Result<()> {
    let pool = mysql.empty().await?;
    let database = pool.text("SELECT DATABASE()").await?;
    let error = load_error(pool, dir, name, text).await?;
    assert_eq!(error.replace(&database, "DB"), expected);
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn error_of_a_missing_seed_names_the_searched_folder(memory: &Memory) -> Result<()> {
    #[act]
    let error =
        data::load(&memory.empty().await?, ["tests/seeds/none.json"]).await.err().map(|error| error.to_string());

    #[assert]
    let error = error.unwrap_or_default();
    assert!(error.starts_with("tests/seeds/none.json: cannot be read: No such file"), "{error}");
    assert!(error.contains("; a relative path begins at /"), "{error}");
    Ok(())
}

#[integration_test(tags("sqlite"))]
async fn empty_folder_is_refused_as_a_seed(memory: &Memory, dir: &TempDir) -> Result<()> {
    #[act]
    let error = data::load(&memory.empty().await?, [dir]).await.err().map(|error| error.to_string());

    #[assert]
    assert!(error.is_some_and(|error| error.ends_with(": has no .sql, .json or .csv file in it")));
    Ok(())
}

/// Loads many rows with one invalid row. Rows are sent in groups, and the error must still name the row.
async fn load_with_one_invalid_row<DB: Backend>(pool: Pool<DB>, dir: &TempDir) -> Result<String>
where
    Pool<DB>: TestQueries,
{
    let row = |number: u32| if number == 1234 { "1234,Bob,\n".to_owned() } else { format!("{number},Ada,{number}\n") };
    let numbered_row = |number: u32| row(if number == 1300 { 1299 } else { number });
    let text: String = std::iter::once("id,name,age\n".to_owned()).chain((1..=2000).map(numbered_row)).collect();
    load_error(pool, dir, "customers.csv", &text).await
}

#[integration_test(tags("sqlite"))]
async fn invalid_row_among_many_is_located_on_sqlite(memory: &Memory, dir: &TempDir) -> Result<()> {
    let load_error = load_with_one_invalid_row(memory.empty().await?, dir).await?;
    assert_eq!(
        load_error,
        "customers.csv:1301: table `customers` refused the row: UNIQUE constraint failed: customers.id"
    );
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn invalid_row_among_many_is_located_on_postgres(postgres: &Postgres, dir: &TempDir) -> Result<()> {
    let load_error = load_with_one_invalid_row(postgres.empty().await?, dir).await?;
    assert_eq!(
        load_error,
        "customers.csv:1301: table `customers` refused the row: duplicate key value violates unique constraint \"customers_pkey\"; Key \
         (id)=(1299) already exists"
    );
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn invalid_row_among_many_is_located_on_mysql(mysql: &MySql, dir: &TempDir) -> Result<()> {
    let load_error = load_with_one_invalid_row(mysql.empty().await?, dir).await?;
    assert_eq!(
        load_error,
        "customers.csv:1301: table `customers` refused the row: Duplicate entry '1299' for key 'PRIMARY'"
    );
    Ok(())
}
