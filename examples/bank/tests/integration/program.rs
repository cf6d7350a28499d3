//! The program itself, started and stopped as on a server.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use bank::accounts::AccountId;
use itest::prelude::*;
use itest::{Client, Program, RunningProgram};
use serde_json::json;

use crate::books::keys_in_the_ledger;
use crate::fixtures::{BankDb, OwnBankDb, VAULT};
use crate::sessions::{block_entries, wait_for_blocked_sessions};

/// The running program, with its address.
struct Bank {
    program: RunningProgram,
    address: SocketAddr,
    client: Client,
}

/// Starts the program, and waits until it prints its address.
async fn start(url: &str, teardown: &Teardown) -> Result<Bank> {
    let program = Program::cargo_bin("bank").env("DATABASE_URL", url).env("LISTEN_ADDRESS", "127.0.0.1:0");
    let program = program.port_from_log("http", "bank: listening on http://127.0.0.1:{port}").start(teardown).await?;
    Ok(Bank { client: Client::new(program.url()?), address: program.address("http")?, program })
}

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn program_answers_running_requests_before_it_ends(db: &BankDb, teardown: &Teardown) -> Result<()> {
    #[arrange("a transfer is running")]
    let bank = start(db.url(), teardown).await?;
    let ada = bank.client.post("/accounts").json(&json!({"owner": "Ada", "currency": "EUR"})).await?;
    let ada: AccountId = serde_json::from_value(ada.assert_status(201).at("/id"))?;
    let blocker = block_entries(&db.pool()).await?;
    let transfer = json!({"from": VAULT, "to": ada, "amount": 5});
    let sent = bank.client.post("/transfers").header("idempotency-key", "last").json(&transfer).send();
    let sent = tokio::spawn(sent);
    wait_for_blocked_sessions(&db.pool(), 1).await?;

    #[act("the program gets SIGTERM; when it accepts no more connections, the transfer goes on")]
    let released = async {
        let is_closed = || async { TcpStream::connect(bank.address).is_err() };
        let closed = eventually(is_closed).equals(true).await;
        blocker.rollback().await?;
        Ok::<_, itest::Error>(closed?)
    };
    let (ended, released, response) = tokio::join!(bank.program.stop(), released, sent);

    #[assert]
    assert!(released?);
    response??.assert_status(201);
    assert_eq!(ended?.code(), Some(0));
    assert_eq!(keys_in_the_ledger(&db.pool(), "").await?, ["last"]);
    Ok(())
}

#[integration_test]
async fn two_programs_started_at_once_migrate_once(db: &OwnBankDb, teardown: &Teardown) -> Result<()> {
    #[arrange("an empty database")]
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&db.pool()).await?;

    #[act]
    let (one, other) = tokio::join!(start(db.url(), teardown), start(db.url(), teardown));

    #[assert("each reads what the other one has written")]
    let account = one?.client.post("/accounts").json(&json!({"owner": "Ada", "currency": "EUR"})).await?;
    account.assert_status(201);
    other?.client.get(format!("/accounts/{}", account.at("/id"))).await?.assert_json("/owner", "Ada");
    Ok(())
}

// The test is not async, because it blocks on another process. itest runs it on a thread where this is allowed.
#[integration_test]
#[case::a_database(&[], "DATABASE_URL is missing")]
#[case::an_address_of_one(&[("DATABASE_URL", "bank.db")], "DATABASE_URL is no address")]
#[case::one_that_is_there(&[("DATABASE_URL", "postgres://bank@%2Fno%2Fsuch%2Ffolder/bank")], "cannot connect to the database")]
fn missing_or_invalid_setting_prevents_the_start(
    #[case] environment: &[(&str, &str)],
    #[case] complaint: &str,
) -> Result<()> {
    #[arrange]
    let mut program = Command::new(env!("CARGO_BIN_EXE_bank"));
    program.env_clear().envs(environment.iter().copied());

    #[act]
    let output = program.output()?;

    #[assert]
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("bank: ") && stderr.contains(complaint), "{stderr}");
    Ok(())
}
