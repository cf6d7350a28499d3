//! The endpoints of the service.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::assignment::assign_waiting;
use super::{AppState, SERVICE};
use crate::defect::Defect;
use crate::error::Error;
use crate::event::Event;
use crate::outbox;

/// A courier, and how many orders they have delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Courier {
    /// The name, which is unique.
    pub name: String,
    /// The order that the courier delivers now.
    pub busy_with: Option<i64>,
    /// The number of orders that the courier has delivered.
    pub delivered: i64,
}

/// A delivery, as its customer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Delivery {
    /// The number of the order.
    #[sqlx(rename = "order_id")]
    pub order: i64,
    /// `waiting`, `assigned`, `started` or `delivered`.
    pub status: String,
    /// The name of the courier, once there is one.
    pub courier: Option<String>,
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/health", get(health))
        .route("/couriers", post(hire).get(list))
        .route("/deliveries/{order}", get(show))
        .route("/deliveries/{order}/start", post(start))
        .route("/deliveries/{order}/deliver", post(deliver))
}

#[derive(Deserialize)]
struct NewCourier {
    name: String,
}

async fn health(State(state): State<AppState>) -> Result<StatusCode, Error> {
    sqlx::query("SELECT 1").execute(&state.pool).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hire(
    State(state): State<AppState>,
    Json(new): Json<NewCourier>,
) -> Result<(StatusCode, Json<Courier>), Error> {
    let mut transaction = state.pool.begin().await?;
    let insert = sqlx::query_as("INSERT INTO courier (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING *");
    let courier = insert.bind(new.name).fetch_optional(&mut *transaction).await?.ok_or(Error::NameTaken)?;
    assign_waiting(&mut transaction, state.defect).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(courier)))
}

async fn list(State(state): State<AppState>) -> Result<Json<Vec<Courier>>, Error> {
    Ok(Json(sqlx::query_as("SELECT * FROM courier ORDER BY name").fetch_all(&state.pool).await?))
}

async fn show(State(state): State<AppState>, Path(order): Path<i64>) -> Result<Json<Delivery>, Error> {
    match state.tracking.read(order).await {
        Ok(Some(delivery)) => return Ok(Json(delivery)),
        Err(_) if state.defect == Some(Defect::CacheIsRequired) => return Err(Error::CacheFailed),
        // Without an answer of the cache, the database has it.
        Ok(None) | Err(_) => {}
    }
    let delivery = sqlx::query_as(
        "SELECT order_id, status, name AS courier FROM delivery LEFT JOIN courier ON courier.id = courier_id
         WHERE order_id = $1",
    );
    let delivery = delivery.bind(order).fetch_optional(&state.pool).await?.ok_or(Error::NotFound("delivery"))?;
    state.tracking.store(&delivery).await;
    Ok(Json(delivery))
}

async fn start(State(state): State<AppState>, Path(order): Path<i64>) -> Result<StatusCode, Error> {
    let mut transaction = state.pool.begin().await?;
    let status: Option<String> = sqlx::query_scalar("SELECT status FROM delivery WHERE order_id = $1 FOR UPDATE")
        .bind(order)
        .fetch_optional(&mut *transaction)
        .await?;
    match status.ok_or(Error::NotFound("delivery"))?.as_str() {
        "assigned" => {}
        // The courier has pressed the button twice.
        "started" => return Ok(StatusCode::NO_CONTENT),
        status => return Err(Error::Conflict("delivery", status.to_owned())),
    }
    let update = sqlx::query("UPDATE delivery SET status = 'started' WHERE order_id = $1");
    update.bind(order).execute(&mut *transaction).await?;
    outbox::write(&mut transaction, SERVICE, &Event::DeliveryStarted { order }).await?;
    transaction.commit().await?;
    state.tracking.forget(order).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Records a delivery, counts it for its courier, and gives the courier the next order that waits.
async fn deliver(State(state): State<AppState>, Path(order): Path<i64>) -> Result<StatusCode, Error> {
    const COUNT: &str = "UPDATE courier SET delivered = delivered + 1, busy_with = NULL WHERE busy_with = $1";
    let mut transaction = state.pool.begin().await?;
    let status: Option<String> = sqlx::query_scalar("SELECT status FROM delivery WHERE order_id = $1 FOR UPDATE")
        .bind(order)
        .fetch_optional(&mut *transaction)
        .await?;
    match status.ok_or(Error::NotFound("delivery"))?.as_str() {
        "started" => {}
        // The courier has pressed the button twice.
        "delivered" => return Ok(StatusCode::NO_CONTENT),
        status => return Err(Error::Conflict("delivery", status.to_owned())),
    }
    if state.defect == Some(Defect::CountedSeparately) {
        sqlx::query(COUNT).bind(order).execute(&state.pool).await?;
    }
    let update = sqlx::query("UPDATE delivery SET status = 'delivered' WHERE order_id = $1");
    update.bind(order).execute(&mut *transaction).await?;
    sqlx::query(COUNT).bind(order).execute(&mut *transaction).await?;
    outbox::write(&mut transaction, SERVICE, &Event::Delivered { order }).await?;
    assign_waiting(&mut transaction, state.defect).await?;
    transaction.commit().await?;
    state.tracking.forget(order).await;
    Ok(StatusCode::NO_CONTENT)
}
