//! The program itself, started as on a server.

use std::process::Command;

use itest::prelude::*;
use itest::{Client, Program};

use crate::databases::{Database, Postgres, SqliteFile};

/// The required environment variables of the program.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("DATABASE_URL", "sqlite::memory:"),
    ("GATEWAY_URL", "http://127.0.0.1:9"),
    ("TOKEN_KEY", "a key that is good enough for the tests"),
    ("LISTEN_ADDRESS", "127.0.0.1:0"),
];

// The test is not async, because it blocks on another process. itest runs it on a thread where this is allowed.
#[integration_test]
#[case::a_database("DATABASE_URL", None, "DATABASE_URL is missing")]
#[case::a_gateway("GATEWAY_URL", None, "GATEWAY_URL is missing")]
#[case::a_key("TOKEN_KEY", None, "TOKEN_KEY is missing")]
#[case::an_address("LISTEN_ADDRESS", None, "LISTEN_ADDRESS is missing")]
#[case::a_database_it_can_open("DATABASE_URL", Some("sqlite:/no/such/folder/shop.db"), "cannot open the database")]
#[case::a_server_that_answers("DATABASE_URL", Some("postgres://127.0.0.1:9/shop"), "cannot open the database")]
#[case::a_database_it_knows("DATABASE_URL", Some("mysql://127.0.0.1/shop"), "must start with sqlite: or postgres:")]
#[case::a_gateway_it_can_talk_to("GATEWAY_URL", Some("ftp://127.0.0.1"), "GATEWAY_URL must start with http://")]
#[case::a_key_that_is_long_enough("TOKEN_KEY", Some("secret"), "TOKEN_KEY is too short")]
#[case::an_address_to_listen_on("LISTEN_ADDRESS", Some("nowhere"), "cannot listen on nowhere")]
fn missing_or_invalid_setting_prevents_the_start(
    #[case] variable: &str,
    #[case] value: Option<&str>,
    #[case] complaint: &str,
) -> Result<()> {
    #[arrange]
    let mut program = Command::new(env!("CARGO_BIN_EXE_shop"));
    program.env_clear().envs(ENVIRONMENT).env_remove(variable).envs(value.map(|value| (variable, value)));

    #[act]
    let output = program.output()?;

    #[assert]
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("shop: ") && stderr.contains(complaint), "{stderr}");
    Ok(())
}

#[integration_test(tags("smoke"), timeout = "30s")]
#[over(Db = [sqlite: SqliteFile, Postgres])]
async fn program_serves_the_configured_database<Db: Database>(db: &Db, teardown: &Teardown) -> Result<()> {
    #[arrange]
    db.execute("INSERT INTO products (sku, name, price_cents, stock) VALUES ('b-1', 'book', 1299, 3)").await?;
    let mut program = Program::cargo_bin("shop").env_clear();
    for (name, value) in ENVIRONMENT {
        program = program.env(name, value);
    }
    let program = program.env("DATABASE_URL", db.url()).port_from_log("http", "listening on http://127.0.0.1:{port}");

    #[act]
    let program = program.start(teardown).await?;
    let response = Client::new(program.url()?).get("/products").await?;
    let ended = program.stop().await?;

    #[assert]
    response.assert_status(200).assert_json("/products/0/name", "book");
    assert!(ended.success(), "{ended}");
    Ok(())
}
