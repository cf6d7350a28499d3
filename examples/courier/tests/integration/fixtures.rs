//! Fixtures: the databases, the broker, and both services in the process of the test.
//!
//! `&OrdersService` and `&DispatchService` are connected with the same broker, so a test that asks for both gets the whole system. A test
//! that needs a fault between a service and something else takes the setup, replaces a URL by one that leads through a proxy, and starts the
//! service itself.

use std::time::Duration;

use courier::Defect;
use courier::dispatch::{self, Courier, Delivery, Dispatch, Store};
use courier::event::{Envelope, Event};
use courier::orders::{self, Order, Orders, Status};

use itest::postgres::{Postgres, Schema};
use itest::prelude::*;
use itest::rabbitmq::Topology;
use itest::redis::Redis;
use itest::s3::Bucket;
use itest::{Client, Mail, Request, Server};
use serde_json::json;
use sqlx::migrate::Migrator;

use crate::defects::defect_of;
use crate::provider::Provider;

/// The database of the service orders.
pub(crate) type OrdersDb = Postgres<OrdersSchema>;

/// The database of the service dispatch.
pub(crate) type DispatchDb = Postgres<DispatchSchema>;

/// The broker, with the exchanges and queues of both services.
pub(crate) type Events = Rabbit<CourierTopology>;

/// The time limit of calls of third parties in tests: short, because a test waits for it.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_millis(300);

/// The pause between attempts in tests.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// The customer of all orders of a test that needs only one.
pub(crate) const ADA: &str = "ada@example.org";

pub(crate) struct OrdersSchema;

impl Schema for OrdersSchema {
    // The databases of a run are shared by all its workers, and each service has a small pool.
    const CONNECTIONS: u32 = 5;

    fn migrator() -> &'static Migrator {
        &orders::MIGRATIONS
    }
}

pub(crate) struct DispatchSchema;

impl Schema for DispatchSchema {
    const CONNECTIONS: u32 = 5;

    fn migrator() -> &'static Migrator {
        &dispatch::MIGRATIONS
    }
}

/// The application declares the topology, so it is written once.
pub(crate) struct CourierTopology;

impl Topology for CourierTopology {
    async fn declare(url: &str) -> Result<()> {
        Ok(courier::broker::declare(url).await?)
    }
}

/// What the service orders is connected with.
#[derive(Clone)]
pub(crate) struct OrdersSetup {
    pub(crate) database: String,
    pub(crate) amqp: String,
    pub(crate) payments: String,
    pub(crate) defect: Option<Defect>,
}

#[fixture]
fn orders_setup(db: &OrdersDb, events: &Events, provider: &Provider, info: &TestInfo) -> Result<OrdersSetup> {
    Ok(OrdersSetup {
        database: db.url().to_owned(),
        amqp: events.url().to_owned(),
        payments: provider.url.clone(),
        defect: defect_of(info)?,
    })
}

/// The service orders, in the process of the test.
pub(crate) struct OrdersService {
    pub(crate) client: Client,
}

#[fixture]
async fn orders_service(setup: &OrdersSetup, teardown: &Teardown) -> Result<OrdersService> {
    setup.start(teardown).await
}

impl OrdersSetup {
    /// Starts the service, which ends with the test.
    pub(crate) async fn start(&self, teardown: &Teardown) -> Result<OrdersService> {
        let pool = courier::program::connect(&self.database, 5).await?;
        let closed = pool.clone();
        teardown.defer("close the pool of orders", async move { closed.close().await });
        let config = orders::Config {
            amqp_url: self.amqp.clone(),
            payments_url: self.payments.clone(),
            payment_timeout: CALL_TIMEOUT,
            pause: PAUSE,
            defect: self.defect,
        };
        let orders = Orders::start(pool, config).await?;
        let router = orders.router();
        teardown.defer("stop orders", async move { orders.stop().await });
        Ok(OrdersService { client: Server::start(router, teardown).await?.client() })
    }
}

impl OrdersService {
    /// Requests an order of 12.50.
    pub(crate) async fn place(&self, customer: &str) -> Result<Order> {
        let order = json!({ "customer": customer, "address": "1 Analytical Street", "amount_cents": 1250 });
        self.client.post("/orders").json(&order).await?.assert_status(201).json()
    }

    /// Requests to pay, with a card that the provider accepts.
    pub(crate) fn pay(&self, order: i64) -> Request {
        self.client.post(format!("/orders/{order}/pay")).json(&json!({ "card": "tok_visa" }))
    }

    pub(crate) fn cancel(&self, order: i64) -> Request {
        self.client.post(format!("/orders/{order}/cancel"))
    }

    /// Places an order and pays for it.
    pub(crate) async fn paid_order(&self, customer: &str) -> Result<Order> {
        let order = self.place(customer).await?;
        self.pay(order.id).await?.assert_status(200).json()
    }

    pub(crate) async fn order(&self, order: i64) -> Result<Order> {
        self.client.get(format!("/orders/{order}")).await?.assert_status(200).json()
    }

    /// Waits until an order has a status.
    pub(crate) async fn wait_for(&self, order: i64, status: Status) -> Result<Order> {
        // An assertion would end the wait, so the status of the response is compared.
        let read = async || match self.client.get(format!("/orders/{order}")).await {
            Ok(response) if response.status() == 200 => response.json::<Order>().ok(),
            _ => None,
        };
        let is_there = move |read: &Option<Order>| read.as_ref().is_some_and(|order| order.status == status);
        eventually(read).until(is_there).await?.ok_or_else(|| "the order is gone".into())
    }
}

/// What the service dispatch is connected with.
#[derive(Clone)]
pub(crate) struct DispatchSetup {
    pub(crate) database: String,
    pub(crate) amqp: String,
    pub(crate) redis: String,
    pub(crate) smtp: String,
    pub(crate) store: Store,
    pub(crate) defect: Option<Defect>,
}

#[fixture]
fn dispatch_setup(
    db: &DispatchDb,
    events: &Events,
    redis: &Redis,
    mailbox: &Mailbox,
    receipts: &Bucket,
    info: &TestInfo,
) -> Result<DispatchSetup> {
    let store = Store {
        endpoint: receipts.endpoint().to_owned(),
        region: receipts.region().to_owned(),
        bucket: receipts.name().to_owned(),
        access_key: receipts.access_key().to_owned(),
        secret_key: receipts.secret_key().to_owned(),
    };
    Ok(DispatchSetup {
        database: db.url().to_owned(),
        amqp: events.url().to_owned(),
        redis: redis.url().to_owned(),
        smtp: mailbox.url(),
        store,
        defect: defect_of(info)?,
    })
}

/// The service dispatch, in the process of the test.
pub(crate) struct DispatchService {
    pub(crate) client: Client,
}

#[fixture]
async fn dispatch_service(setup: &DispatchSetup, teardown: &Teardown) -> Result<DispatchService> {
    setup.start(teardown).await
}

impl DispatchSetup {
    /// Starts the service, which ends with the test.
    pub(crate) async fn start(&self, teardown: &Teardown) -> Result<DispatchService> {
        let pool = courier::program::connect(&self.database, 5).await?;
        let closed = pool.clone();
        teardown.defer("close the pool of dispatch", async move { closed.close().await });
        let config = dispatch::Config {
            amqp_url: self.amqp.clone(),
            redis_url: self.redis.clone(),
            smtp_url: self.smtp.clone(),
            store: self.store.clone(),
            call_timeout: CALL_TIMEOUT,
            cache_expiry: Duration::from_mins(1),
            pause: PAUSE,
            defect: self.defect,
        };
        let dispatch = Dispatch::start(pool, config).await?;
        let router = dispatch.router();
        teardown.defer("stop dispatch", async move { dispatch.stop().await });
        Ok(DispatchService { client: Server::start(router, teardown).await?.client() })
    }
}

impl DispatchService {
    pub(crate) async fn hire(&self, name: &str) -> Result<Courier> {
        self.client.post("/couriers").json(&json!({ "name": name })).await?.assert_status(201).json()
    }

    pub(crate) async fn couriers(&self) -> Result<Vec<Courier>> {
        self.client.get("/couriers").await?.assert_status(200).json()
    }

    pub(crate) fn start(&self, order: i64) -> Request {
        self.client.post(format!("/deliveries/{order}/start"))
    }

    pub(crate) fn deliver(&self, order: i64) -> Request {
        self.client.post(format!("/deliveries/{order}/deliver"))
    }

    /// The state of a delivery, as the customer sees it.
    pub(crate) async fn delivery(&self, order: i64) -> Result<Delivery> {
        self.client.get(format!("/deliveries/{order}")).await?.assert_status(200).json()
    }

    /// Waits until a delivery has a status.
    pub(crate) async fn wait_for(&self, order: i64, status: &str) -> Result<()> {
        let read = async || match self.client.get(format!("/deliveries/{order}")).await {
            Ok(response) => response.at("/status").as_str().map(str::to_owned),
            Err(_) => None,
        };
        eventually(read).equals(Some(status.to_owned())).await?;
        Ok(())
    }

    /// Starts and completes a delivery that is assigned.
    pub(crate) async fn complete(&self, order: i64) -> Result<()> {
        self.start(order).await?.assert_status(204);
        self.deliver(order).await?.assert_status(204);
        Ok(())
    }
}

/// Publishes that an order was paid, as the service orders does. The id of the event is that of the order.
pub(crate) async fn publish_paid(events: &Events, order: i64, customer: &str) -> Result<()> {
    let (customer, address) = (customer.to_owned(), "1 Analytical Street".to_owned());
    let event = Event::OrderPaid { order, customer, address };
    publish(events, &format!("orders-{order}"), event).await
}

/// Publishes an event with an id.
pub(crate) async fn publish(events: &Events, id: &str, event: Event) -> Result<()> {
    let topic = format!("{}/{}", courier::broker::EXCHANGE, event.topic());
    events.publish(&topic).json(&Envelope { id: id.to_owned(), event }).await?;
    Ok(())
}

/// Publishes that an order was paid, and waits until its courier is assigned. Returns the courier's name.
pub(crate) async fn assigned(events: &Events, order: i64, customer: &str) -> Result<String> {
    publish_paid(events, order, customer).await?;
    let assigned = events.expect("delivery.assigned").json("/order", order).await?;
    Ok(assigned.at("/courier").as_str().unwrap_or_default().to_owned())
}

/// Waits for the mail about an order.
pub(crate) async fn mail_about(mailbox: &Mailbox, customer: &str, order: i64) -> Result<Mail> {
    mailbox.expect(customer).subject(format!("Order {order} was delivered")).await
}
