//! The program itself, started and stopped as on a server.

use std::env;
use std::net::TcpStream;
use std::process::{Command, ExitStatus, Stdio};

use bank::accounts::AccountId;
use serde_json::json;
use sqlx::PgPool;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr};

use crate::books::{Books, keys_in_the_ledger};
use crate::fixtures::{Client, Result, VAULT, send};
use crate::sessions::{block_entries, eventually, wait_for_blocked_sessions};

/// The running program, with its address.
struct Program {
    process: Child,
    /// The pipe is kept open, because the program writes its log to it.
    _stderr: BufReader<ChildStderr>,
    address: String,
    client: Client,
}

/// Starts the program, and waits until it prints its address.
async fn start(pool: &PgPool) -> Result<Program> {
    let options = pool.connect_options();
    let mut url = reqwest::Url::parse(&env::var("DATABASE_URL")?)?;
    url.set_path(options.get_database().ok_or("the pool has no database")?);
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_bank"));
    command.env("DATABASE_URL", url.as_str()).env("LISTEN_ADDRESS", "127.0.0.1:0");
    let mut process = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut stderr = BufReader::new(process.stderr.take().ok_or("stderr is not piped")?);
    let mut text = String::new();
    stderr.read_line(&mut text).await?;
    let address = text.trim().strip_prefix("bank: listening on http://").ok_or_else(|| text.clone())?.to_owned();
    Ok(Program { process, _stderr: stderr, client: Client::new(format!("http://{address}")), address })
}

impl Program {
    /// Sends SIGTERM, and waits until the program ends.
    async fn stop(&mut self) -> Result<ExitStatus> {
        let id = self.process.id().ok_or("the program has ended")?;
        Command::new("kill").args(["-TERM", &id.to_string()]).status()?;
        Ok(self.process.wait().await?)
    }
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn program_answers_running_requests_before_it_ends(pool: PgPool) -> Result {
    // A transfer is running.
    let mut program = start(&pool).await?;
    let ada = send(program.client.post("/accounts").json(&json!({"owner": "Ada", "currency": "EUR"}))).await?;
    let ada: AccountId = serde_json::from_value(ada.assert_status(201).body["id"].clone())?;
    let blocker = block_entries(&pool).await?;
    let sent = tokio::spawn(program.client.transfer("last", VAULT, ada, 5));
    wait_for_blocked_sessions(&pool, 1).await?;

    // The program gets SIGTERM; when it accepts no more connections, the transfer goes on.
    let address = program.address.clone();
    let released = async {
        let closed = eventually(async || Ok(TcpStream::connect(&address).is_err()), |is_closed| *is_closed).await;
        blocker.rollback().await?;
        closed
    };
    let (ended, released, response) = tokio::join!(program.stop(), released, sent);

    assert!(released?);
    response??.assert_status(201);
    assert_eq!(ended?.code(), Some(0));
    assert_eq!(keys_in_the_ledger(&pool, "").await?, ["last"]);
    assert_eq!(Books::read(&pool).await?, Books::BALANCED);
    Ok(())
}

#[sqlx::test(migrations = false)]
async fn two_programs_started_at_once_migrate_once(pool: PgPool) -> Result {
    let (one, other) = tokio::join!(start(&pool), start(&pool));
    let (mut one, mut other) = (one?, other?);

    // Each reads what the other one has written.
    let account = send(one.client.post("/accounts").json(&json!({"owner": "Ada", "currency": "EUR"}))).await?;
    account.assert_status(201);
    let shown = other.client.get(&format!("/accounts/{}", account.body["id"])).await?;
    assert_eq!(shown.body["owner"], "Ada");
    one.stop().await?;
    other.stop().await?;
    Ok(())
}

#[test]
fn missing_or_invalid_setting_prevents_the_start() -> Result {
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[], "DATABASE_URL is missing"),
        (&[("DATABASE_URL", "bank.db")], "DATABASE_URL is no address"),
        (&[("DATABASE_URL", "postgres://bank@%2Fno%2Fsuch%2Ffolder/bank")], "cannot connect to the database"),
    ];
    for (environment, complaint) in cases {
        let mut program = Command::new(env!("CARGO_BIN_EXE_bank"));
        program.env_clear().envs(environment.iter().copied());

        let output = program.output()?;

        let stderr = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("bank: ") && stderr.contains(complaint), "{stderr}");
    }
    Ok(())
}
