//! Accounts: opening them, their balances and their statements.

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::AppState;
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::transfers::TransferId;

const DEFAULT_PAGE_SIZE: i64 = 20;
const MAX_PAGE_SIZE: i64 = 100;

/// The number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct AccountId(pub i64);

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The body of `POST /accounts`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewAccount {
    /// The owner; not empty.
    pub owner: String,
    /// Three capital letters, such as `EUR`.
    pub currency: String,
    /// The credit limit in minor units; not negative.
    #[serde(default)]
    pub credit_limit: i64,
    /// The household whose accounts cover each other, if the account belongs to one.
    #[serde(default)]
    pub household: Option<String>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Account {
    /// The account's number.
    pub id: AccountId,
    /// The owner.
    pub owner: String,
    /// The currency.
    pub currency: String,
    /// The balance in minor units.
    pub balance: i64,
    /// The credit limit in minor units.
    pub credit_limit: i64,
    /// The household whose accounts cover each other, if the account belongs to one.
    pub household: Option<String>,
}

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Entry {
    /// The entry's number; later entries of an account have higher ones.
    pub id: i64,
    /// The transfer to which the entry belongs.
    pub transfer_id: TransferId,
    /// The amount that was added, or taken if it is negative.
    pub amount: i64,
    /// The balance of the account after this entry.
    pub balance: i64,
}

/// The response to `GET /accounts/{id}/entries`: one page of entries, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The entries of this page.
    pub entries: Vec<Entry>,
    /// The value of `before` for the next page, if there is one.
    pub next_before: Option<i64>,
}

/// The query string of `GET /accounts/{id}/entries`.
#[derive(Deserialize)]
struct PageQuery {
    limit: Option<i64>,
    before: Option<i64>,
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/accounts", post(open))
        .route("/accounts/{id}", get(show))
        .route("/accounts/{id}/entries", get(statement))
}

async fn open(
    State(state): State<AppState>,
    Json(account): Json<NewAccount>,
) -> Result<(StatusCode, Json<Account>), Error> {
    account.check()?;
    let account = sqlx::query_as(
        "INSERT INTO account (owner, currency, credit_limit, household) VALUES ($1, $2, $3, $4)
         RETURNING id, owner, currency, balance, credit_limit, household",
    )
    .bind(account.owner)
    .bind(account.currency)
    .bind(account.credit_limit)
    .bind(account.household)
    .fetch_one(&state.pool)
    .await?;
    Ok((StatusCode::CREATED, Json(account)))
}

async fn show(State(state): State<AppState>, Path(id): Path<AccountId>) -> Result<Json<Account>, Error> {
    find(&state, id).await.map(Json)
}

async fn statement(
    State(state): State<AppState>,
    Path(id): Path<AccountId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Statement>, Error> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE_SIZE);
    if !(1..=MAX_PAGE_SIZE).contains(&limit) {
        return Err(Error::BadRequest(format!("`limit` must be between 1 and {MAX_PAGE_SIZE}")));
    }
    find(&state, id).await?;
    // One more entry than requested shows whether there is a next page.
    let mut entries: Vec<Entry> = sqlx::query_as(
        "SELECT id, transfer_id, amount, balance FROM entry
         WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(id)
    .bind(query.before.unwrap_or(i64::MAX))
    .bind(limit + 1)
    .fetch_all(&state.pool)
    .await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_next = entries.len() > page;
    entries.truncate(page);
    let next_before = entries.last().filter(|_| has_next).map(|entry| entry.id);
    Ok(Json(Statement { entries, next_before }))
}

async fn find(state: &AppState, id: AccountId) -> Result<Account, Error> {
    sqlx::query_as("SELECT id, owner, currency, balance, credit_limit, household FROM account WHERE id = $1")
        .bind(id)
        .fetch_optional(&state.pool)
        .await?
        .ok_or(Error::NotFound("account"))
}

impl NewAccount {
    fn check(&self) -> Result<(), Error> {
        let invalid = |message: &str| Err(Error::Invalid(message.to_owned()));
        if self.owner.trim().is_empty() {
            return invalid("the owner must not be empty");
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
            return invalid("the currency must be three capital letters");
        }
        if self.credit_limit < 0 {
            return invalid("the credit limit must not be negative");
        }
        if self.household.as_deref().is_some_and(|household| household.trim().is_empty()) {
            return invalid("the household must not be empty; leave it out if there is none");
        }
        Ok(())
    }
}
