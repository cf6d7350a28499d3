//! Products, with their prices and their stock.

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::auth::Admin;
use crate::database::on;
use crate::error::Error;
use crate::extract::{Json, Path, Query};
use crate::state::AppState;

/// Longer texts would not fit into PostgreSQL's index.
const MAX_SKU_CHARS: usize = 200;
const DEFAULT_PAGE_SIZE: u32 = 20;
const MAX_PAGE_SIZE: u32 = 100;

/// The number of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ProductId(pub i64);

impl fmt::Display for ProductId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Product {
    /// The product's number.
    pub id: ProductId,
    /// The stock keeping unit: the shop's unique identifier of the product.
    pub sku: String,
    /// The name for customers.
    pub name: String,
    /// The price of one item.
    pub price_cents: i64,
    /// The number of items in stock.
    #[sqlx(try_from = "i64")]
    pub stock: u32,
}

/// The body of `POST /products`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewProduct {
    /// The stock keeping unit: the shop's unique identifier of the product.
    pub sku: String,
    /// The name for customers.
    pub name: String,
    /// The price of one item; not negative.
    pub price_cents: i64,
    /// The number of items in stock.
    pub stock: u32,
}

/// The body of `PUT /products/{id}/stock`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stock {
    /// The new number of items in stock.
    pub stock: u32,
}

/// The response to `GET /products`: one page of products, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductPage {
    /// The products of this page.
    pub products: Vec<Product>,
    /// The value of `after` for the next page, if there is one.
    pub next_after: Option<ProductId>,
}

/// The query string of `GET /products`.
#[derive(Deserialize)]
struct PageQuery {
    limit: Option<u32>,
    after: Option<ProductId>,
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/products", get(list).post(create))
        .route("/products/{id}", get(show))
        .route("/products/{id}/stock", put(set_stock))
}

async fn list(State(state): State<AppState>, Query(query): Query<PageQuery>) -> Result<Json<ProductPage>, Error> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE_SIZE);
    if !(1..=MAX_PAGE_SIZE).contains(&limit) {
        return Err(Error::BadRequest(format!("`limit` must be between 1 and {MAX_PAGE_SIZE}")));
    }
    let after = query.after.unwrap_or(ProductId(0));
    if after.0 < 0 {
        return Err(Error::BadRequest("`after` must not be negative".to_owned()));
    }
    // One more product than requested shows whether there is a next page.
    let mut products: Vec<Product> = on!(&state.database, |pool| {
        sqlx::query_as("SELECT id, sku, name, price_cents, stock FROM products WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after)
            .bind(i64::from(limit) + 1)
            .fetch_all(pool)
            .await?
    });
    let has_next = products.len() > limit as usize;
    products.truncate(limit as usize);
    let next_after = products.last().filter(|_| has_next).map(|product| product.id);
    Ok(Json(ProductPage { products, next_after }))
}

async fn show(State(state): State<AppState>, Path(id): Path<ProductId>) -> Result<Json<Product>, Error> {
    let product: Option<Product> = on!(&state.database, |pool| {
        sqlx::query_as("SELECT id, sku, name, price_cents, stock FROM products WHERE id = $1")
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    product.map(Json).ok_or(Error::NotFound("product"))
}

async fn create(
    State(state): State<AppState>,
    _: Admin,
    Json(product): Json<NewProduct>,
) -> Result<(StatusCode, Json<Product>), Error> {
    if product.sku.trim().is_empty() {
        return Err(Error::Invalid("the SKU must not be empty".to_owned()));
    }
    if product.name.trim().is_empty() {
        return Err(Error::Invalid("the name must not be empty".to_owned()));
    }
    if product.sku.chars().count() > MAX_SKU_CHARS {
        return Err(Error::Invalid(format!("the SKU must have at most {MAX_SKU_CHARS} characters")));
    }
    // PostgreSQL refuses texts with this character, and the service must behave the same with both databases.
    if [&product.sku, &product.name].into_iter().any(|text| text.contains('\0')) {
        return Err(Error::Invalid("the SKU and the name must not contain the null character".to_owned()));
    }
    if product.price_cents < 0 {
        return Err(Error::Invalid("the price must not be negative".to_owned()));
    }
    let created: Option<Product> = on!(&state.database, |pool| {
        sqlx::query_as(
            "INSERT INTO products (sku, name, price_cents, stock) VALUES ($1, $2, $3, $4)
             ON CONFLICT (sku) DO NOTHING
             RETURNING id, sku, name, price_cents, stock",
        )
        .bind(product.sku)
        .bind(product.name)
        .bind(product.price_cents)
        .bind(i64::from(product.stock))
        .fetch_optional(pool)
        .await?
    });
    let created = created.ok_or(Error::SkuTaken)?;
    Ok((StatusCode::CREATED, Json(created)))
}

async fn set_stock(
    State(state): State<AppState>,
    _: Admin,
    Path(id): Path<ProductId>,
    Json(body): Json<Stock>,
) -> Result<Json<Product>, Error> {
    let restocked: Option<Product> = on!(&state.database, |pool| {
        sqlx::query_as("UPDATE products SET stock = $1 WHERE id = $2 RETURNING id, sku, name, price_cents, stock")
            .bind(i64::from(body.stock))
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    restocked.map(Json).ok_or(Error::NotFound("product"))
}
