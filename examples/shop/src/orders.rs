//! Orders: placing, paying, shipping, delivering and cancelling them over HTTP.

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

pub use self::status::OrderStatus;

use crate::auth::{Admin, Caller, Role};
use crate::error::Error;
use crate::extract::{Json, Path};
use crate::payment::ChargeRequest;
use crate::products::ProductId;
use crate::state::AppState;
use crate::users::UserId;

mod status;
mod store;

/// The number of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct OrderId(pub i64);

impl fmt::Display for OrderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The body of `POST /orders`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewOrder {
    /// What to buy; not empty.
    pub items: Vec<NewOrderItem>,
}

/// One line of an order to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrderItem {
    /// What to buy.
    pub product_id: ProductId,
    /// How many; not zero.
    pub quantity: u32,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order's number.
    pub id: OrderId,
    /// Whose order it is.
    pub customer_id: UserId,
    /// How far it has come.
    pub status: OrderStatus,
    /// What is bought, in the order it was asked for.
    pub items: Vec<OrderItem>,
    /// What all of it costs.
    pub total_cents: i64,
}

/// One line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct OrderItem {
    /// What is bought.
    pub product_id: ProductId,
    /// How many.
    #[sqlx(try_from = "i64")]
    pub quantity: u32,
    /// What one cost when the order was placed.
    pub unit_price_cents: i64,
}

/// The body of `POST /orders/{id}/pay`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// The card, as the gateway's own form in the customer's browser named it.
    pub card_token: String,
}

/// The response to `POST /orders/{id}/pay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Which order was paid.
    pub order_id: OrderId,
    /// What the order is now.
    pub status: OrderStatus,
    /// What was taken from the card.
    pub amount_cents: i64,
    /// The gateway's name for the charge.
    pub charge_id: String,
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/pay", post(pay))
        .route("/orders/{id}/ship", post(ship))
        .route("/orders/{id}/deliver", post(deliver))
        .route("/orders/{id}/cancel", post(cancel))
}

async fn place(
    State(state): State<AppState>,
    caller: Caller,
    Json(order): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), Error> {
    if order.items.is_empty() {
        return Err(Error::Invalid("the order has no items".to_owned()));
    }
    if order.items.iter().any(|item| item.quantity == 0) {
        return Err(Error::Invalid("a quantity must not be zero".to_owned()));
    }
    let order = store::place(&state.database, caller.id, &order.items).await?;
    Ok((StatusCode::CREATED, Json(order)))
}

async fn show(State(state): State<AppState>, caller: Caller, Path(id): Path<OrderId>) -> Result<Json<Order>, Error> {
    let order = store::find(&state.database, id).await?;
    if caller.role != Role::Admin {
        require_owner(&order, caller)?;
    }
    Ok(Json(order))
}

async fn pay(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<OrderId>,
    Json(payment): Json<Payment>,
) -> Result<Json<Receipt>, Error> {
    let order = store::find(&state.database, id).await?;
    require_owner(&order, caller)?;
    order.status.require(OrderStatus::Paid)?;
    if payment.card_token.trim().is_empty() {
        return Err(Error::Invalid("the card token must not be empty".to_owned()));
    }
    // No transaction is open here: it would keep others from writing for as long as the gateway takes.
    let charge = state
        .gateway
        .charge(&ChargeRequest {
            amount_cents: order.total_cents,
            card_token: payment.card_token,
            idempotency_key: store::payment_key(&state.database, id).await?,
        })
        .await?;
    // The money is taken, so that is on record first, even if the order was cancelled meanwhile.
    store::record_payment(&state.database, &order, &charge).await?;
    let order = store::change_status(&state.database, id, OrderStatus::Paid).await?;
    Ok(Json(Receipt {
        order_id: order.id,
        status: order.status,
        amount_cents: order.total_cents,
        charge_id: charge.charge_id,
    }))
}

async fn ship(State(state): State<AppState>, _: Admin, Path(id): Path<OrderId>) -> Result<Json<Order>, Error> {
    let order = store::change_status(&state.database, id, OrderStatus::Shipped).await?;
    Ok(Json(order))
}

async fn deliver(State(state): State<AppState>, _: Admin, Path(id): Path<OrderId>) -> Result<Json<Order>, Error> {
    let order = store::change_status(&state.database, id, OrderStatus::Delivered).await?;
    Ok(Json(order))
}

async fn cancel(State(state): State<AppState>, caller: Caller, Path(id): Path<OrderId>) -> Result<Json<Order>, Error> {
    require_owner(&store::find(&state.database, id).await?, caller)?;
    let order = store::change_status(&state.database, id, OrderStatus::Cancelled).await?;
    Ok(Json(order))
}

fn require_owner(order: &Order, caller: Caller) -> Result<(), Error> {
    if order.customer_id == caller.id { Ok(()) } else { Err(Error::Forbidden("this is somebody else's order")) }
}
