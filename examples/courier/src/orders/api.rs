//! The endpoints of the service.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use sqlx::{PgConnection, PgPool};

use super::order::{Order, Status};
use super::{AppState, SERVICE};
use crate::defect::Defect;
use crate::error::Error;
use crate::event::Event;
use crate::outbox;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/health", get(health))
        .route("/orders", post(place).get(list))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/pay", post(pay))
        .route("/orders/{id}/cancel", post(cancel))
}

#[derive(Deserialize)]
struct NewOrder {
    customer: String,
    address: String,
    amount_cents: i64,
}

#[derive(Deserialize)]
struct Payment {
    card: String,
}

#[derive(Deserialize)]
struct Owner {
    customer: String,
}

async fn health(State(state): State<AppState>) -> Result<StatusCode, Error> {
    sqlx::query("SELECT 1").execute(&state.pool).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn place(State(state): State<AppState>, Json(new): Json<NewOrder>) -> Result<(StatusCode, Json<Order>), Error> {
    if new.amount_cents <= 0 {
        return Err(Error::Invalid("the amount must be positive"));
    }
    if !new.customer.contains('@') {
        return Err(Error::Invalid("the customer must be a mail address"));
    }
    let insert = sqlx::query_as("INSERT INTO orders (customer, address, amount_cents) VALUES ($1, $2, $3) RETURNING *");
    let order = insert.bind(new.customer).bind(new.address).bind(new.amount_cents).fetch_one(&state.pool).await?;
    Ok((StatusCode::CREATED, Json(order)))
}

async fn list(State(state): State<AppState>, Query(owner): Query<Owner>) -> Result<Json<Vec<Order>>, Error> {
    if state.defect == Some(Defect::QueryForEachOrder) {
        return list_one_by_one(&state.pool, &owner.customer).await;
    }
    let orders = sqlx::query_as("SELECT * FROM orders WHERE customer = $1 ORDER BY id");
    Ok(Json(orders.bind(owner.customer).fetch_all(&state.pool).await?))
}

async fn list_one_by_one(pool: &PgPool, customer: &str) -> Result<Json<Vec<Order>>, Error> {
    let ids = sqlx::query_scalar("SELECT id FROM orders WHERE customer = $1 ORDER BY id");
    let mut orders = Vec::new();
    for id in ids.bind(customer).fetch_all(pool).await? {
        orders.push(read(pool, id).await?);
    }
    Ok(Json(orders))
}

async fn show(State(state): State<AppState>, Path(id): Path<i64>) -> Result<Json<Order>, Error> {
    Ok(Json(read(&state.pool, id).await?))
}

/// Charges the card and marks the order as paid. The row stays locked while the provider is called, so that another request can neither cancel the order
/// nor pay for it.
async fn pay(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    Json(payment): Json<Payment>,
) -> Result<Json<Order>, Error> {
    let mut transaction = state.pool.begin().await?;
    let order = lock(&mut transaction, id).await?;
    match order.status {
        Status::Placed => {}
        Status::Cancelled => return Err(conflict(&order)),
        _ => return Ok(Json(order)),
    }
    let charge = state.payments.charge(id, order.amount_cents, &payment.card).await?;
    let update = sqlx::query_as("UPDATE orders SET status = $2, charge_id = $3 WHERE id = $1 RETURNING *");
    let paid: Order = update.bind(id).bind(Status::Paid).bind(charge).fetch_one(&mut *transaction).await?;
    let event = Event::OrderPaid { order: id, customer: order.customer, address: order.address };
    if state.defect == Some(Defect::AnnouncedBeforeCommit) {
        outbox::write(&mut *state.pool.acquire().await?, SERVICE, &event).await?;
    } else {
        outbox::write(&mut transaction, SERVICE, &event).await?;
    }
    transaction.commit().await?;
    Ok(Json(paid))
}

async fn cancel(State(state): State<AppState>, Path(id): Path<i64>) -> Result<Json<Order>, Error> {
    let mut transaction = state.pool.begin().await?;
    let order = lock(&mut transaction, id).await?;
    let may_cancel = match order.status {
        Status::Placed | Status::Cancelled => true,
        _ => state.defect == Some(Defect::PaidOrderIsCancelled),
    };
    if !may_cancel {
        return Err(conflict(&order));
    }
    let update = sqlx::query_as("UPDATE orders SET status = $2 WHERE id = $1 RETURNING *");
    let cancelled = update.bind(id).bind(Status::Cancelled).fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(Json(cancelled))
}

async fn read(pool: &PgPool, id: i64) -> Result<Order, Error> {
    let order = sqlx::query_as("SELECT * FROM orders WHERE id = $1").bind(id).fetch_optional(pool).await?;
    order.ok_or(Error::NotFound("order"))
}

async fn lock(transaction: &mut PgConnection, id: i64) -> Result<Order, Error> {
    let order = sqlx::query_as("SELECT * FROM orders WHERE id = $1 FOR UPDATE");
    order.bind(id).fetch_optional(transaction).await?.ok_or(Error::NotFound("order"))
}

fn conflict(order: &Order) -> Error {
    Error::Conflict("order", format!("{:?}", order.status).to_lowercase())
}
