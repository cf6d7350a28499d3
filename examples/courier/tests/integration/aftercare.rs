//! What follows a delivery: a receipt in the object store, and a mail to the customer.

use itest::prelude::*;
use itest::s3::Bucket;
use itest::{Api, ConnectionFault, Fault, Reply, request};

use crate::fixtures::{ADA, DispatchDb, DispatchService, DispatchSetup, Events, assigned, mail_about};

/// A delivery that Grace has started: order 7 for Ada.
struct StartedDelivery;

#[fixture]
async fn started_delivery(dispatch: &DispatchService, events: &Events) -> Result<StartedDelivery> {
    start(dispatch, events).await
}

async fn start(dispatch: &DispatchService, events: &Events) -> Result<StartedDelivery> {
    dispatch.hire("Grace").await?;
    assigned(events, 7, ADA).await?;
    dispatch.start(7).await?.assert_status(204);
    Ok(StartedDelivery)
}

/// Waits until the mail of order 7 has a state.
async fn wait_for_mail(db: &DispatchDb, state: &str) -> Result<()> {
    let pool = db.pool();
    let read = async || {
        let mail = sqlx::query_scalar("SELECT mail FROM delivery WHERE order_id = 7");
        mail.fetch_one(&pool).await.unwrap_or_else(|error| error.to_string())
    };
    eventually(read).equals(state.to_owned()).await?;
    Ok(())
}

#[integration_test]
async fn receipt_names_the_order_the_customer_and_the_courier(
    dispatch: &DispatchService,
    _started: &StartedDelivery,
    receipts: &Bucket,
    mailbox: &Mailbox,
) -> Result<()> {
    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    let receipt = receipts.expect("receipts/7.json").await?;
    receipt.assert_json("/order", 7).assert_json("/customer", ADA).assert_json("/courier", "Grace");
    mailbox.expect(ADA).await?;
    Ok(())
}

#[integration_test]
async fn browser_can_show_the_receipt(
    dispatch: &DispatchService,
    _started: &StartedDelivery,
    receipts: &Bucket,
    mailbox: &Mailbox,
) -> Result<()> {
    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    mailbox.expect(ADA).await?;
    receipts.get("receipts/7.json").await?.assert_content_type("application/json");
    Ok(())
}

#[integration_test]
async fn mail_leads_to_the_receipt(
    dispatch: &DispatchService,
    _started: &StartedDelivery,
    mailbox: &Mailbox,
) -> Result<()> {
    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    let mail = mailbox.expect(ADA).await?;
    mail.assert_sender("courier@example.org").assert_subject("Order 7 was delivered").assert_no_header("Bcc");
    mail.assert_link("https://courier.example.org/receipts/7");
    Ok(())
}

#[integration_test]
async fn order_under_way_has_neither_receipt_nor_mail(
    dispatch: &DispatchService,
    _started: &StartedDelivery,
    receipts: &Bucket,
    mailbox: &Mailbox,
) -> Result<()> {
    #[act]
    let delivery = dispatch.delivery(7).await?;

    #[assert]
    assert_eq!(delivery.status, "started");
    receipts.expect_none("receipts/7.json").await?;
    mailbox.expect_none(ADA);
    Ok(())
}

/// The mail server asks for another attempt, twice. Ada gets one mail.
#[integration_test]
async fn busy_mail_server_gets_further_attempts(
    dispatch: &DispatchService,
    _started: &StartedDelivery,
    mailbox: &Mailbox,
    #[values(Fault::Status(451), Fault::ResetBefore, Fault::Timeout)] fault: Fault,
) -> Result<()> {
    #[arrange]
    mailbox.inject(fault).to(ADA).first(2);

    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    mail_about(mailbox, ADA, 7).await?;
    Ok(())
}

#[integration_test]
async fn mail_that_is_refused_for_good_is_not_repeated(
    dispatch: &DispatchService,
    _started: &StartedDelivery,
    mailbox: &Mailbox,
    db: &DispatchDb,
) -> Result<()> {
    #[arrange]
    mailbox.inject(Fault::Status(550)).to(ADA).first(1);

    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert("a second attempt would succeed, and be an unexpected mail")]
    wait_for_mail(db, "refused").await?;
    mailbox.expect_none(ADA);
    Ok(())
}

/// A stand-in for the store, because a bucket has no faults.
struct BrokenStore;

impl Api for BrokenStore {
    const NAME: &'static str = "store";
}

/// The store fails three times, and the mail waits for the receipt: one mail, and not one for each attempt.
#[integration_test]
async fn mail_waits_until_the_receipt_is_stored(
    setup: &DispatchSetup,
    store: &StandIn<BrokenStore>,
    events: &Events,
    mailbox: &Mailbox,
    db: &DispatchDb,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let mut setup = setup.clone();
    setup.store.endpoint = store.url();
    let dispatch = setup.start(teardown).await?;
    start(&dispatch, events).await?;
    let put = request::put("/{bucket}/receipts/7.json");
    store.when(put.clone()).times(1..).reply(Reply::status(200));
    store.inject(Fault::Status(503)).on(put).first(3);

    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    mail_about(mailbox, ADA, 7).await?;
    wait_for_mail(db, "sent").await?;
    assert_eq!(store.received().len(), 4);
    Ok(())
}

#[integration_test]
async fn store_that_never_answers_is_given_up_and_tried_again(
    setup: &DispatchSetup,
    store: &StandIn<BrokenStore>,
    events: &Events,
    mailbox: &Mailbox,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let mut setup = setup.clone();
    setup.store.endpoint = store.url();
    let dispatch = setup.start(teardown).await?;
    start(&dispatch, events).await?;
    let put = request::put("/{bucket}/receipts/7.json");
    store.when(put.clone()).reply(Reply::status(200));
    store.inject(Fault::Timeout).on(put).first(1);

    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    mail_about(mailbox, ADA, 7).await?;
    Ok(())
}

/// The store is a real one here, behind a proxy that lets few bytes through.
#[integration_test]
async fn slow_store_gets_the_whole_receipt(
    setup: &DispatchSetup,
    receipts: &Bucket,
    proxy: &Proxy,
    events: &Events,
    mailbox: &Mailbox,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let mut setup = setup.clone();
    setup.store.endpoint = proxy.to(receipts.endpoint())?;
    proxy.inject_into_connections(ConnectionFault::Slow(std::time::Duration::from_millis(20))).on_every_connection();
    let dispatch = setup.start(teardown).await?;
    start(&dispatch, events).await?;

    #[act]
    dispatch.deliver(7).await?.assert_status(204);

    #[assert]
    mailbox.expect(ADA).await?;
    receipts.get("receipts/7.json").await?.assert_json("/order", 7);
    Ok(())
}
