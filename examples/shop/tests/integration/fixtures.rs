//! Fixtures: the shop itself, and its users. `Db` is the database of the shop.
//!
//! `&Shop<Db>`, `&Gateway` and `&Db` are shared by all fixtures of a test, so they belong together. Each `Customer<Db>` by
//! value is another user.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use itest::prelude::*;
use itest::{Client, Response, Server, TestRng};
use serde_json::json;
use shop::Config;
use shop::auth::{Role, Token};
use shop::orders::{Order, OrderId, OrderStatus};
use shop::password::PasswordCost;
use shop::products::{Product, ProductId};
use shop::users::{User, UserId};

use crate::databases::Database;
use crate::gateway::Gateway;

/// The password of all users.
pub(crate) const PASSWORD: &str = "correct horse";

/// An instance of the shop, which listens on a port of its own, and a client that is not signed in.
pub(crate) struct Shop<Db> {
    pub(crate) client: Client,
    pub(crate) config: Config,
    database: shop::Database,
    /// How many items of each product the tests have supplied through this instance.
    supplied: Mutex<HashMap<i64, i64>>,
    over: PhantomData<fn() -> Db>,
}

#[fixture]
async fn shop<Db: Database>(db: &Db, gateway: &Gateway, teardown: &Teardown) -> Result<Shop<Db>> {
    Shop::start(db.pool(), config(gateway.url()), teardown).await
}

/// Another instance of the shop over the same database, with a very short timeout for the gateway.
pub(crate) struct ImpatientShop<Db>(pub(crate) Shop<Db>);

#[fixture]
async fn impatient_shop<Db: Database>(db: &Db, gateway: &Gateway, teardown: &Teardown) -> Result<ImpatientShop<Db>> {
    let config = Config { gateway_timeout: Duration::from_millis(100), ..config(gateway.url()) };
    Ok(ImpatientShop(Shop::start(db.pool(), config, teardown).await?))
}

/// The configuration of the shop in tests: the defaults, with a low cost of password hashing, and a short time limit for the gateway, so
/// that a test in which it never answers is short.
pub(crate) fn config(gateway_url: impl Into<String>) -> Config {
    Config {
        password_cost: PasswordCost::MINIMAL,
        gateway_timeout: Duration::from_millis(500),
        ..Config::new(gateway_url, "a key that is good enough for the tests")
    }
}

impl<Db> Shop<Db> {
    pub(crate) async fn start(database: shop::Database, config: Config, teardown: &Teardown) -> Result<Self> {
        let server = Server::start(shop::app(database.clone(), config.clone()), teardown).await?;
        Ok(Self { client: server.client(), config, database, supplied: Mutex::default(), over: PhantomData })
    }

    /// Registers a customer and signs them in.
    pub(crate) async fn customer(&self, email: &str) -> Result<Customer<Db>> {
        let user: User = self.register(email, PASSWORD).await?.assert_status(201).json()?;
        let token: Token = self.sign_in(email, PASSWORD).await?.assert_status(201).json()?;
        Ok(Customer { id: user.id, client: self.client.with_bearer(&token.access_token), token, over: PhantomData })
    }

    /// Registers a user, makes them an admin, and signs them in.
    pub(crate) async fn admin(&self, email: &str) -> Result<Admin<Db>> {
        let user: User = self.register(email, PASSWORD).await?.assert_status(201).json()?;
        shop::users::promote(&self.database, user.id).await?;
        let token: Token = self.sign_in(email, PASSWORD).await?.assert_status(201).json()?;
        Ok(Admin { client: self.client.with_bearer(&token.access_token), token, over: PhantomData })
    }

    pub(crate) async fn register(&self, email: &str, password: &str) -> Result<Response> {
        self.client.post("/users").json(&json!({"email": email, "password": password})).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<Response> {
        self.client.post("/tokens").json(&json!({"email": email, "password": password})).await
    }

    /// Adds a product, whose SKU is its name.
    pub(crate) async fn product(&self, name: &str, price_cents: i64, stock: u32) -> Result<Product> {
        let token = self.config.keys().issue(UserId(0), Role::Admin)?;
        let product = json!({"sku": name, "name": name, "price_cents": price_cents, "stock": stock});
        let response = self.client.post("/products").bearer(&token.access_token).json(&product).await?;
        let product: Product = response.assert_status(201).json()?;
        self.expect_supply(&product, stock);
        Ok(product)
    }

    /// Tells the invariants how many items of a product are in stock and in orders together.
    pub(crate) fn expect_supply(&self, product: &Product, items: u32) {
        self.supplied.lock().unwrap_or_else(PoisonError::into_inner).insert(product.id.0, i64::from(items));
    }

    /// How many items of each product the tests have supplied.
    pub(crate) fn supplied(&self) -> HashMap<i64, i64> {
        self.supplied.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The stock of a product.
    pub(crate) async fn stock(&self, product: &Product) -> Result<u32> {
        let product: Product = self.client.get(format!("/products/{}", product.id)).await?.assert_status(200).json()?;
        Ok(product.stock)
    }
}

/// A registered customer who is signed in.
pub(crate) struct Customer<Db> {
    pub(crate) id: UserId,
    pub(crate) client: Client,
    pub(crate) token: Token,
    over: PhantomData<fn() -> Db>,
}

#[fixture]
async fn customer<Db: Database>(shop: &Shop<Db>, mut random: TestRng) -> Result<Customer<Db>> {
    shop.customer(&format!("{}@example.com", random.word(12))).await
}

impl<Db> Customer<Db> {
    /// The same customer as a client of another instance of the shop.
    pub(crate) fn at(&self, shop: &Shop<Db>) -> Self {
        let token = self.token.clone();
        Self { id: self.id, client: shop.client.with_bearer(&token.access_token), token, over: PhantomData }
    }

    pub(crate) async fn places(&self, lines: &[(ProductId, u32)]) -> Result<Response> {
        let items: Vec<_> =
            lines.iter().map(|(product, quantity)| json!({"product_id": product, "quantity": quantity})).collect();
        self.client.post("/orders").json(&json!({"items": items})).await
    }

    pub(crate) async fn pays(&self, order: OrderId, card_token: &str) -> Result<Response> {
        self.client.post(format!("/orders/{order}/pay")).json(&json!({"card_token": card_token})).await
    }

    pub(crate) async fn cancels(&self, order: OrderId) -> Result<Response> {
        self.client.post(format!("/orders/{order}/cancel")).await
    }

    /// Places an order.
    pub(crate) async fn order(&self, product: &Product, quantity: u32) -> Result<Order> {
        self.places(&[(product.id, quantity)]).await?.assert_status(201).json()
    }

    /// Places and pays an order.
    pub(crate) async fn paid_order(&self, product: &Product, quantity: u32) -> Result<Order> {
        let order = self.order(product, quantity).await?;
        self.pays(order.id, "tok_visa").await?.assert_status(200);
        self.sees(order.id).await
    }

    /// The current state of one of the customer's orders.
    pub(crate) async fn sees(&self, order: OrderId) -> Result<Order> {
        self.client.get(format!("/orders/{order}")).await?.assert_status(200).json()
    }

    pub(crate) async fn status_of(&self, order: OrderId) -> Result<OrderStatus> {
        Ok(self.sees(order).await?.status)
    }
}

/// An admin who is signed in.
pub(crate) struct Admin<Db> {
    pub(crate) client: Client,
    pub(crate) token: Token,
    over: PhantomData<fn() -> Db>,
}

#[fixture]
async fn admin<Db: Database>(shop: &Shop<Db>, mut random: TestRng) -> Result<Admin<Db>> {
    shop.admin(&format!("{}@shop.example.com", random.word(12))).await
}

impl<Db> Admin<Db> {
    pub(crate) async fn ships(&self, order: OrderId) -> Result<Response> {
        self.client.post(format!("/orders/{order}/ship")).await
    }

    pub(crate) async fn delivers(&self, order: OrderId) -> Result<Response> {
        self.client.post(format!("/orders/{order}/deliver")).await
    }

    pub(crate) async fn restocks(&self, product: ProductId, stock: u32) -> Result<Response> {
        self.client.put(format!("/products/{product}/stock")).json(&json!({"stock": stock})).await
    }
}
