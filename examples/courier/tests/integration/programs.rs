//! The programs themselves: how they start, stop, crash and come back, alone and together.

use std::net::TcpStream;

use courier::Defect;
use courier::dispatch::Delivery;
use courier::orders::{Order, Status};
use itest::prelude::*;
use itest::s3::Bucket;
use itest::{Client, Ready};
use serde_json::json;

use crate::fixtures::{ADA, CALL_TIMEOUT, DispatchSetup, Events, OrdersSetup, PAUSE, mail_about};
use crate::provider::{Payments, charge};

/// A running program, and a client for it.
struct Service {
    program: RunningProgram,
    client: Client,
}

/// Starts one of the programs with a port, and waits until it is healthy.
async fn start(name: &str, settings: Vec<(&'static str, String)>, teardown: &Teardown) -> Result<Service> {
    let program = configure(name, settings).port("PORT").env("LISTEN_ADDRESS", "127.0.0.1:{port:PORT}");
    let program = program.ready_when(Ready::http("/health")).start(teardown).await?;
    Ok(Service { client: Client::new(program.url()?), program })
}

fn configure(name: &str, settings: Vec<(&'static str, String)>) -> Program {
    let program = Program::cargo_bin(name).env_remove(crate::defects::VARIABLE);
    settings.into_iter().fold(program, |program, (name, value)| program.env(name, value))
}

fn defect_setting(defect: Option<Defect>) -> Option<(&'static str, String)> {
    let name = serde_json::to_value(defect).ok()?.as_str()?.to_owned();
    Some((crate::defects::VARIABLE, name))
}

/// The settings of the program orders.
fn orders_settings(setup: &OrdersSetup) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("DATABASE_URL", setup.database.clone()),
        ("AMQP_URL", setup.amqp.clone()),
        ("PAYMENTS_URL", setup.payments.clone()),
        ("PAYMENT_TIMEOUT_MS", CALL_TIMEOUT.as_millis().to_string()),
        ("PAUSE_MS", PAUSE.as_millis().to_string()),
    ];
    settings.extend(defect_setting(setup.defect));
    settings
}

/// The settings of the program dispatch.
fn dispatch_settings(setup: &DispatchSetup) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("DATABASE_URL", setup.database.clone()),
        ("AMQP_URL", setup.amqp.clone()),
        ("REDIS_URL", setup.redis.clone()),
        ("SMTP_URL", setup.smtp.clone()),
        ("AWS_ENDPOINT_URL", setup.store.endpoint.clone()),
        ("AWS_REGION", setup.store.region.clone()),
        ("AWS_ACCESS_KEY_ID", setup.store.access_key.clone()),
        ("AWS_SECRET_ACCESS_KEY", setup.store.secret_key.clone()),
        ("RECEIPTS_BUCKET", setup.store.bucket.clone()),
        ("CALL_TIMEOUT_MS", CALL_TIMEOUT.as_millis().to_string()),
        ("PAUSE_MS", PAUSE.as_millis().to_string()),
    ];
    settings.extend(defect_setting(setup.defect));
    settings
}

/// The program orders.
struct OrdersProgram(Service);

#[fixture]
async fn orders_program(setup: &OrdersSetup, teardown: &Teardown) -> Result<OrdersProgram> {
    Ok(OrdersProgram(start("orders", orders_settings(setup), teardown).await?))
}

impl OrdersProgram {
    async fn place(&self) -> Result<i64> {
        let order = json!({ "customer": ADA, "address": "1 Analytical Street", "amount_cents": 1250 });
        let order: Order = self.0.client.post("/orders").json(&order).await?.assert_status(201).json()?;
        Ok(order.id)
    }

    fn pay(&self, order: i64) -> itest::Request {
        self.0.client.post(format!("/orders/{order}/pay")).json(&json!({ "card": "tok_visa" }))
    }

    async fn wait_for(&self, order: i64, status: Status) -> Result<()> {
        let path = format!("/orders/{order}");
        let read = async || match self.0.client.get(path.as_str()).await {
            Ok(response) => response.json().map(|order: Order| order.status).ok(),
            Err(_) => None,
        };
        eventually(read).equals(Some(status)).await?;
        Ok(())
    }
}

/// The program dispatch.
struct DispatchProgram(Service);

#[fixture]
async fn dispatch_program(setup: &DispatchSetup, teardown: &Teardown) -> Result<DispatchProgram> {
    Ok(DispatchProgram(start("dispatch", dispatch_settings(setup), teardown).await?))
}

impl DispatchProgram {
    async fn hire(&self, name: &str) -> Result<()> {
        self.0.client.post("/couriers").json(&json!({ "name": name })).await?.assert_status(201);
        Ok(())
    }

    async fn complete(&self, order: i64) -> Result<()> {
        self.0.client.post(format!("/deliveries/{order}/start")).await?.assert_status(204);
        self.0.client.post(format!("/deliveries/{order}/deliver")).await?.assert_status(204);
        Ok(())
    }

    async fn status(&self, order: i64) -> Result<String> {
        let delivery: Delivery = self.0.client.get(format!("/deliveries/{order}")).await?.assert_status(200).json()?;
        Ok(delivery.status)
    }
}

#[integration_test(tags("smoke"))]
async fn order_is_delivered_by_the_two_programs(
    orders: &OrdersProgram,
    dispatch: &DispatchProgram,
    mailbox: &Mailbox,
    receipts: &Bucket,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;

    #[act]
    let order = orders.place().await?;
    orders.pay(order).await?.assert_status(200);
    orders.wait_for(order, Status::Assigned).await?;
    dispatch.complete(order).await?;

    #[assert]
    orders.wait_for(order, Status::Delivered).await?;
    mail_about(mailbox, ADA, order).await?;
    receipts.expect(&format!("receipts/{order}.json")).await?.assert_json("/courier", "Grace");
    Ok(())
}

/// SIGTERM arrives while the provider has not answered yet. The program accepts no more connections, answers, and ends.
#[integration_test(covers("POST /orders/{id}/pay"))]
async fn orders_answers_running_requests_before_it_ends(
    orders: &OrdersProgram,
    payments: &StandIn<Payments>,
) -> Result<()> {
    #[arrange]
    let order = orders.place().await?;
    payments.inject(itest::Fault::Latency(CALL_TIMEOUT / 2)).on(charge());
    let paying = tokio::spawn(orders.pay(order).send());
    eventually(async || payments.received().len()).equals(1).await?;

    #[act]
    let ended = orders.0.program.stop().await?;

    #[assert]
    paying.await??.assert_status(200).assert_json("/status", "paid");
    assert_eq!(ended.code(), Some(0));
    assert!(TcpStream::connect(orders.0.program.address("PORT")?).is_err());
    Ok(())
}

#[integration_test]
async fn dispatch_ends_in_order_with_an_event_in_hand(dispatch: &DispatchProgram, events: &Events) -> Result<()> {
    #[arrange]
    events.expect_consumers(courier::broker::PAID_ORDERS, 1).await?;

    #[act]
    let ended = dispatch.0.program.stop().await?;

    #[assert("its consumer is gone, and the program has closed its connections")]
    assert_eq!(ended.code(), Some(0));
    events.expect_consumers(courier::broker::PAID_ORDERS, 0).await?;
    Ok(())
}

/// The payment is committed, and the process dies. The outbox has the announcement, which the next process publishes.
#[integration_test(covers("publish order.paid"))]
async fn payment_before_a_crash_is_announced_after_the_restart(
    setup: &OrdersSetup,
    proxy: &Proxy,
    events: &Events,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange("the broker is down, so the announcement waits")]
    let setup = OrdersSetup { amqp: proxy.to(events.url())?, ..setup.clone() };
    let orders = OrdersProgram(start("orders", orders_settings(&setup), teardown).await?);
    proxy.refuse_connections().await?;
    let order = orders.place().await?;
    orders.pay(order).await?.assert_status(200);

    #[act]
    orders.0.program.kill().await?;
    proxy.accept_connections().await?;
    orders.0.program.restart().await?;

    #[assert]
    events.expect("order.paid").json("/order", order).exactly(1).await?;
    Ok(())
}

/// The broker keeps the events of a service that is not there.
#[integration_test]
async fn orders_that_are_paid_while_dispatch_is_down_are_assigned_later(
    orders: &OrdersProgram,
    dispatch: &DispatchProgram,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    dispatch.0.program.kill().await?;
    let order = orders.place().await?;
    orders.pay(order).await?.assert_status(200);

    #[act]
    dispatch.0.program.restart().await?;

    #[assert]
    orders.wait_for(order, Status::Assigned).await?;
    Ok(())
}

/// The other direction: dispatch goes on, and orders learns of it when it is back.
#[integration_test]
async fn orders_learns_after_its_restart_what_was_delivered(
    orders: &OrdersProgram,
    dispatch: &DispatchProgram,
    mailbox: &Mailbox,
) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    let order = orders.place().await?;
    orders.pay(order).await?.assert_status(200);
    orders.wait_for(order, Status::Assigned).await?;
    orders.0.program.kill().await?;
    dispatch.complete(order).await?;
    mailbox.expect(ADA).await?;

    #[act]
    orders.0.program.restart().await?;

    #[assert]
    orders.wait_for(order, Status::Delivered).await?;
    Ok(())
}

/// SIGSTOP: the process is there, and does nothing. Its connections stay open.
#[integration_test]
async fn paused_dispatch_delays_no_payment(orders: &OrdersProgram, dispatch: &DispatchProgram) -> Result<()> {
    #[arrange]
    dispatch.hire("Grace").await?;
    dispatch.0.program.pause();

    #[act(within = "5s")]
    let order = orders.place().await?;
    orders.pay(order).await?.assert_status(200);

    #[assert]
    orders.wait_for(order, Status::Paid).await?;
    dispatch.0.program.resume();
    orders.wait_for(order, Status::Assigned).await?;
    assert_eq!(dispatch.status(order).await?, "assigned");
    Ok(())
}

#[integration_test]
async fn log_of_orders_contains_no_card(orders: &OrdersProgram) -> Result<()> {
    #[arrange]
    let order = orders.place().await?;

    #[act]
    orders.pay(order).await?.assert_status(200);
    orders.0.program.stop().await?;

    #[assert]
    let lines = orders.0.program.output();
    assert!(lines.contains("orders: stopped"), "{lines:?}");
    assert!(!lines.contains("tok_visa"), "{lines:?}");
    Ok(())
}

#[integration_test]
async fn programs_find_an_empty_database_and_migrate_it(
    setup: &OrdersSetup,
    own: itest::postgres::Postgres<itest::postgres::Cloned<crate::fixtures::OrdersSchema>>,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&own.pool()).await?;
    let setup = OrdersSetup { database: own.url().to_owned(), ..setup.clone() };

    #[act]
    let orders = OrdersProgram(start("orders", orders_settings(&setup), teardown).await?);

    #[assert]
    assert_eq!(orders.place().await?, 1);
    Ok(())
}

/// A program that cannot work says why, and ends.
#[integration_test]
#[case::database("DATABASE_URL", None, "DATABASE_URL is missing")]
#[case::no_database("DATABASE_URL", Some("orders.db"), "DATABASE_URL is wrong")]
#[case::no_broker("AMQP_URL", Some("amqp://127.0.0.1:1/%2f"), "cannot declare the queues")]
#[case::no_number("PAUSE_MS", Some("soon"), "soon is no number of milliseconds")]
#[case::unknown_defect("COURIER_DEFECT", Some("slow"), "unknown variant `slow`")]
async fn missing_or_wrong_setting_prevents_the_start(
    setup: &OrdersSetup,
    #[case] name: &'static str,
    #[case] value: Option<&str>,
    #[case] complaint: &str,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let settings = orders_settings(setup).into_iter().filter(|(known, _)| *known != name);
    let settings = settings.chain(value.map(|value| (name, value.to_owned()))).collect();
    let program = configure("orders", settings).env("LISTEN_ADDRESS", "127.0.0.1:0").may_exit();

    #[act]
    let program = program.start(teardown).await?;
    let status = program.wait().await?;

    #[assert]
    let lines = program.output();
    assert_eq!(status.code(), Some(1), "{lines:?}");
    assert!(lines.contains("orders: ") && lines.contains(complaint), "{lines:?}");
    Ok(())
}
