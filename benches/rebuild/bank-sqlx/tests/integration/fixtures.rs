//! The bank under test, and a JSON client.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bank::Config;
use bank::accounts::{Account, AccountId, Statement};
use bank::retry::Retries;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The account from which all euros come.
pub(crate) const VAULT: AccountId = AccountId(1);

/// The account from which all dollars come.
pub(crate) const DOLLAR_VAULT: AccountId = AccountId(2);

/// The body of a request that opens an account. By default it is in euros and has no credit.
#[derive(Serialize)]
pub(crate) struct Opening {
    pub(crate) owner: String,
    pub(crate) currency: &'static str,
    pub(crate) credit_limit: i64,
    pub(crate) household: Option<String>,
}

impl Default for Opening {
    fn default() -> Self {
        Self { owner: unique("Owner"), currency: "EUR", credit_limit: 0, household: None }
    }
}

/// A text that no other call returns.
pub(crate) fn unique(stem: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{stem}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The configuration of the bank in tests: the defaults with fewer connections, because several tests share the database server.
pub(crate) fn config() -> Config {
    Config { connections: 5, ..Config::default() }
}

/// An instance of the bank, which listens on a port of its own and has a pool of its own.
pub(crate) struct Bank {
    pub(crate) client: Client,
    pool: PgPool,
    server: JoinHandle<std::io::Result<()>>,
}

impl Bank {
    /// Starts an instance on the database of a test.
    pub(crate) async fn start(pool: &PgPool) -> Result<Self> {
        Self::start_with(pool, &config()).await
    }

    pub(crate) async fn start_with(pool: &PgPool, config: &Config) -> Result<Self> {
        Self::connect((*pool.connect_options()).clone(), config).await
    }

    pub(crate) async fn connect(options: PgConnectOptions, config: &Config) -> Result<Self> {
        let pool = bank::connect(options, config).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = Client::new(format!("http://{}", listener.local_addr()?));
        let server = tokio::spawn(axum::serve(listener, bank::app(pool.clone(), config)).into_future());
        Ok(Self { client, pool, server })
    }

    /// Stops the instance. Without this the database of the test is in use and cannot be dropped.
    pub(crate) async fn stop(&self) {
        self.server.abort();
        self.pool.close().await;
    }

    /// Opens an account.
    pub(crate) async fn open(&self, opening: &Opening) -> Result<Account> {
        send(self.client.post("/accounts").json(opening)).await?.assert_status(201).json()
    }

    /// Opens an account with a balance.
    pub(crate) async fn account(&self, balance: i64) -> Result<AccountId> {
        let account = self.open(&Opening::default()).await?;
        self.deposit(account.id, balance).await?;
        Ok(account.id)
    }

    /// Transfers euros from the vault to an account.
    pub(crate) async fn deposit(&self, account: AccountId, amount: i64) -> Result {
        if amount > 0 {
            self.client.transfer(&unique("deposit"), VAULT, account, amount).await?.assert_status(201);
        }
        Ok(())
    }

    pub(crate) async fn balance(&self, account: AccountId) -> Result<i64> {
        let account: Account = self.client.get(&format!("/accounts/{account}")).await?.assert_status(200).json()?;
        Ok(account.balance)
    }

    pub(crate) async fn statement(&self, account: AccountId, query: &str) -> Result<Statement> {
        self.client.get(&format!("/accounts/{account}/entries{query}")).await?.assert_status(200).json()
    }

    /// The conflicts that this instance has counted.
    pub(crate) async fn retries(&self) -> Result<Retries> {
        self.client.get("/retries").await?.assert_status(200).json()
    }
}

/// A client of one instance.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    pub(crate) fn new(url: String) -> Self {
        Self { http: reqwest::Client::new(), url }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Response> {
        send(self.request(Method::GET, path)).await
    }

    /// Sends a transfer. The future borrows nothing, so that it can be spawned.
    pub(crate) fn transfer(
        &self,
        key: &str,
        from: AccountId,
        to: AccountId,
        amount: i64,
    ) -> impl Future<Output = Result<Response>> + Send + use<> {
        let transfer = json!({"from": from, "to": to, "amount": amount});
        send(self.post("/transfers").header("idempotency-key", key).json(&transfer))
    }
}

/// Sends a request and reads the whole response.
pub(crate) async fn send(request: RequestBuilder) -> Result<Response> {
    let since = Instant::now();
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
    Ok(Response { status, headers, body, elapsed: since.elapsed() })
}

/// A response with a JSON body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) elapsed: Duration,
}

impl Response {
    #[track_caller]
    pub(crate) fn assert_status(&self, expected: u16) -> &Self {
        assert_eq!(self.status, expected, "{self:?}");
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_value(self.body.clone())?)
    }

    /// The identifier of the problem.
    pub(crate) fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().trim_start_matches("/problems/")
    }
}
