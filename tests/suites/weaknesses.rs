//! Code under test with a weakness each, which shows only when a call fails.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use itest::prelude::*;
use itest::{Api, Client, Fault, Reply, request};
use serde_json::json;

itest::main!();

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

/// The code under test. Each method treats a failed charge in another way.
struct Shop {
    payments: Client,
    charged: AtomicU32,
    paid: AtomicU32,
}

#[fixture]
fn shop(payments: &StandIn<Payments>) -> Shop {
    payments.when(request::post("/charge")).essential().reply(Reply::json(201, json!({"id": "pay_1"})));
    Shop { payments: Client::new(payments.url()), charged: AtomicU32::new(0), paid: AtomicU32::new(0) }
}

#[invariant]
fn each_payment_is_a_charge(shop: &Shop) -> Result<()> {
    let (charged, paid) = (shop.charged.load(Ordering::Relaxed), shop.paid.load(Ordering::Relaxed));
    if charged != paid {
        return Err(format!("{charged} charges, and {paid} payments").into());
    }
    Ok(())
}

impl Shop {
    /// Whether a single try has succeeded within a short time.
    async fn try_once(&self) -> bool {
        let answer = tokio::time::timeout(Duration::from_millis(100), self.payments.post("/charge").send()).await;
        answer.is_ok_and(|answer| {
            answer.is_ok_and(|answer| {
                answer.status() == 201
                    && answer.json::<serde_json::Value>().is_ok_and(|charge| charge["id"].is_string())
            })
        })
    }

    async fn pay(&self) -> Result<()> {
        if self.try_once().await { Ok(()) } else { Err("the payment has failed".into()) }
    }
}

#[integration_test]
async fn tries_again(shop: &Shop) {
    #[act]
    let is_paid = shop.try_once().await || shop.try_once().await;
    #[assert]
    assert!(is_paid);
}

#[integration_test]
async fn returns_an_error(shop: &Shop) -> Result<()> {
    shop.pay().await?;
    Ok(())
}

#[integration_test]
async fn waits_without_a_limit(shop: &Shop) -> Result<()> {
    let _ = shop.payments.post("/charge").send().await;
    Ok(())
}

/// The task is part of the test, so its panic is like a failed assertion.
#[integration_test]
async fn asserts_in_a_task(shop: &Shop) {
    let is_paid = shop.try_once().await;
    let _ = tokio::spawn(async move { assert!(is_paid, "the order is not paid") }).await;
}

#[integration_test]
async fn ignores_the_error(shop: &Shop) {
    let _ = shop.try_once().await;
}

#[integration_test]
async fn counts_a_payment_without_a_charge(shop: &Shop) -> Result<()> {
    shop.paid.fetch_add(1, Ordering::Relaxed);
    shop.pay().await?;
    shop.charged.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

#[integration_test]
async fn leaves_a_task_behind(shop: &Shop) -> Result<()> {
    let waiting = tokio::spawn(std::future::pending::<()>());
    shop.pay().await?;
    waiting.abort();
    Ok(())
}

#[integration_test(ignore = "leaves a file behind with and without a fault")]
async fn leaves_a_file_behind_always(shop: &Shop) {
    std::mem::forget(std::fs::File::open("/dev/zero"));
    let _ = shop.try_once().await || shop.try_once().await;
}

#[integration_test(ignore = "dies")]
async fn dies(shop: &Shop) {
    if !shop.try_once().await {
        std::process::abort();
    }
}

#[integration_test(ignore = "fails the second time")]
async fn passes_only_once(shop: &Shop) -> Result<()> {
    std::fs::File::create_new(std::env::temp_dir().join("passed-once"))?;
    shop.pay().await
}

#[integration_test]
fn makes_no_call() {}

#[integration_test(ignore = "fails")]
async fn fails_without_a_fault(shop: &Shop) {
    assert!(!shop.try_once().await, "it is paid");
}

#[integration_test(ignore = "is skipped")]
fn is_skipped() {
    itest::skip!("there is no printer");
}

/// The stub is for one request, and a request without a stub is an error: with a fault, both are different.
#[integration_test]
async fn sends_other_requests_after_a_failure(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).once().reply(Reply::status(201));
    let client = Client::new(payments.url());
    let send = || tokio::time::timeout(Duration::from_millis(100), client.post("/charge").send());

    let is_paid = send().await.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() == 201));
    if !is_paid {
        send().await??;
        client.post("/refund").send().await?;
    }
    Ok(())
}

#[integration_test]
async fn injects_a_fault_itself(payments: &StandIn<Payments>) {
    payments.when(request::post("/charge")).times(0..).reply(Reply::status(201));
    payments.inject(Fault::Status(503)).on(request::post("/charge")).first(1);
    let client = Client::new(payments.url());

    for _ in 0..2 {
        let _ = tokio::time::timeout(Duration::from_millis(100), client.post("/charge").send()).await;
    }
}

/// What fixtures do in their setup and teardown, and what invariants do, gets no fault.
mod outside_of_the_body {
    use super::{Client, Payments, Reply, Result, StandIn, Teardown, fixture, integration_test, request};

    struct Account;

    #[fixture]
    async fn account(payments: &StandIn<Payments>, teardown: &Teardown) -> Result<Account> {
        payments.when(request::any("/accounts")).reply(Reply::status(204));
        let client = Client::new(payments.url());
        client.post("/accounts").await?.assert_status(204);
        teardown.defer("delete the account", async move {
            client.delete("/accounts").await?.assert_status(204);
            Ok::<_, itest::Error>(())
        });
        Ok(Account)
    }

    #[integration_test]
    async fn makes_no_call_of_its_own(_account: &Account) {}
}
