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
    /// The lines of the order; not empty.
    pub items: Vec<NewOrderItem>,
}

/// One line of an order to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrderItem {
    /// The product.
    pub product_id: ProductId,
    /// The quantity; not zero.
    pub quantity: u32,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order's number.
    pub id: OrderId,
    /// The customer who placed the order.
    pub customer_id: UserId,
    /// The status of the order.
    pub status: OrderStatus,
    /// The lines, in the order of the request.
    pub items: Vec<OrderItem>,
    /// The total price.
    pub total_cents: i64,
}

/// One line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct OrderItem {
    /// The product.
    pub product_id: ProductId,
    /// The quantity.
    #[sqlx(try_from = "i64")]
    pub quantity: u32,
    /// The price of one item when the order was placed.
    pub unit_price_cents: i64,
}

/// The body of `POST /orders/{id}/pay`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// The token for the card, which the gateway's form in the customer's browser has issued.
    pub card_token: String,
}

/// The response to `POST /orders/{id}/pay`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The paid order.
    pub order_id: OrderId,
    /// The new status of the order.
    pub status: OrderStatus,
    /// The amount that was charged.
    pub amount_cents: i64,
    /// The gateway's id of the charge.
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
    // No transaction is open here, because it would block other writers while the gateway works.
    let charge = state
        .gateway
        .charge(&ChargeRequest {
            amount_cents: order.total_cents,
            card_token: payment.card_token,
            idempotency_key: store::payment_key(&state.database, id).await?,
        })
        .await?;
    // The charge was made, so it is recorded first, even if the order was cancelled meanwhile.
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
    if order.customer_id == caller.id {
        Ok(())
    } else {
        Err(Error::Forbidden("this order belongs to another customer"))
    }
}
