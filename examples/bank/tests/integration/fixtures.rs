//! Fixtures: a database, the bank itself, and accounts with money in them.
//!
//! `&Bank` is the instance of the bank that the test's fixtures share. `one: Bank, other: Bank` are two instances over one database, each
//! with its own pool.

use bank::accounts::{Account, AccountId, Statement};
use bank::retry::Retries;
use bank::{Config, MIGRATIONS};
use itest::data::fake::faker::name::en::Name;
use itest::postgres::{Cloned, Postgres, Schema};
use itest::prelude::*;
use itest::{Client, Request, Response, Server};
use serde::Serialize;
use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool};

/// A database of the test's own, with the bank's schema and its vaults.
pub(crate) type BankDb = Postgres<BankSchema>;

/// A database for a test that changes the schema.
pub(crate) type OwnBankDb = Postgres<Cloned<BankSchema>>;

/// The account from which all euros come.
pub(crate) const VAULT: AccountId = AccountId(1);

/// The account from which all dollars come.
pub(crate) const DOLLAR_VAULT: AccountId = AccountId(2);

pub(crate) struct BankSchema;

impl Schema for BankSchema {
    fn migrator() -> &'static Migrator {
        &MIGRATIONS
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        let vault = |currency| Opening { owner: "Vault".to_owned(), currency, credit_limit: i64::MAX, household: None };
        itest::data::insert(pool, "account", &[vault("EUR"), vault("USD")]).await?;
        Ok(())
    }
}

/// The body of a request that opens an account. By default it is in euros and has no credit.
#[derive(Serialize)]
pub(crate) struct Opening {
    pub(crate) owner: String,
    pub(crate) currency: &'static str,
    pub(crate) credit_limit: i64,
    pub(crate) household: Option<String>,
}

impl Factory for Opening {
    fn make(data: &Data) -> Self {
        Self { owner: data.fake(Name()), currency: "EUR", credit_limit: 0, household: None }
    }
}

/// An instance of the bank, which listens on a port of its own.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) client: Client,
}

#[fixture]
async fn bank(db: &BankDb, teardown: &Teardown) -> Result<Bank> {
    Bank::start(db.url(), &config(), teardown).await
}

/// The configuration of the bank in tests: the defaults with fewer connections, because several tests share the database server.
pub(crate) fn config() -> Config {
    Config { connections: 5, ..Config::default() }
}

impl Bank {
    /// Starts an instance, which connects as `main` does.
    pub(crate) async fn start(url: &str, config: &Config, teardown: &Teardown) -> Result<Self> {
        Self::connect(url.parse()?, config, teardown).await
    }

    pub(crate) async fn connect(options: PgConnectOptions, config: &Config, teardown: &Teardown) -> Result<Self> {
        let pool = bank::connect(options, config).await?;
        let closed = pool.clone();
        teardown.defer("close the bank's pool", async move { closed.close().await });
        let server = Server::start(bank::app(pool, config), teardown).await?;
        Ok(Self { client: server.client() })
    }

    /// Opens an account.
    pub(crate) async fn open(&self, opening: &Opening) -> Result<Account> {
        self.client.post("/accounts").json(opening).await?.assert_status(201).json()
    }

    /// Opens an account with a balance.
    pub(crate) async fn account(&self, data: &Data, balance: i64) -> Result<AccountId> {
        let account = self.open(&data.make()).await?;
        self.deposit(data, account.id, balance).await?;
        Ok(account.id)
    }

    /// Transfers euros from the vault to an account.
    pub(crate) async fn deposit(&self, data: &Data, account: AccountId, amount: i64) -> Result<()> {
        if amount > 0 {
            self.transfer(&data.unique("deposit"), VAULT, account, amount).await?.assert_status(201);
        }
        Ok(())
    }

    /// The request for a transfer.
    pub(crate) fn transfer(&self, key: &str, from: AccountId, to: AccountId, amount: i64) -> Request {
        let transfer = json!({"from": from, "to": to, "amount": amount});
        self.client.post("/transfers").header("idempotency-key", key).json(&transfer)
    }

    pub(crate) async fn balance(&self, account: AccountId) -> Result<i64> {
        let account: Account = self.client.get(format!("/accounts/{account}")).await?.assert_status(200).json()?;
        Ok(account.balance)
    }

    pub(crate) async fn statement(&self, account: AccountId, query: &str) -> Result<Statement> {
        self.client.get(format!("/accounts/{account}/entries{query}")).await?.assert_status(200).json()
    }

    /// The conflicts that this instance has counted.
    pub(crate) async fn retries(&self) -> Result<Retries> {
        self.client.get("/retries").await?.assert_status(200).json()
    }
}

/// The identifier of the problem in a response.
pub(crate) fn problem(response: &Response) -> String {
    response.at("/type").as_str().unwrap_or_default().trim_start_matches("/problems/").to_owned()
}
