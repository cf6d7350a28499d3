//! Payments through the gateway, and failures of the gateway.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use itest::Server;
use itest::prelude::*;
use serde_json::json;
use shop::orders::{OrderStatus, Receipt};
use shop::payment::ChargeRequest;
use tokio::net::TcpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{Customer, ImpatientShop, Shop, config};
use crate::gateway::Gateway;

#[integration_test(tags("payments", "smoke"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn paying_charges_the_card_once<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 2).await?;

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    let receipt: Receipt = response.assert_status(200).json()?;
    assert_eq!((receipt.order_id, receipt.status, receipt.amount_cents), (order.id, OrderStatus::Paid, 2598));
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Paid);
    let requests = gateway.requests()?;
    let [ChargeRequest { amount_cents: 2598, card_token, .. }] = requests.as_slice() else {
        return Err(format!("the gateway received {requests:?}").into());
    };
    assert_eq!(card_token, "tok_visa");
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn declined_card_leaves_the_order_placed<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    gateway.declines();

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(402).assert_json("/error/code", "card_declined");
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Placed);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn failing_gateway_leaves_the_order_placed<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
    #[values(400, 404, 500, 503)] status: u16,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    gateway.answers(status);

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(502).assert_json("/error/code", "gateway_failed");
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Placed);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn invalid_gateway_response_counts_as_failure<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    gateway.answers_nonsense();

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(502).assert_json("/error/code", "gateway_failed");
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Placed);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn redirect_of_the_gateway_is_not_followed<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    other_gateway: Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    gateway.redirects_to(&other_gateway);

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(502).assert_json("/error/code", "gateway_failed");
    assert_eq!(other_gateway.requests()?, []);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn unreachable_gateway_leaves_the_order_placed<Db: Database>(db: &Db, teardown: &Teardown) -> Result<()> {
    #[arrange("a port that is bound, but not listening")]
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let gateway = format!("http://{}", socket.local_addr()?);
    let shop = Shop::<Db>::start(db.pool(), config(gateway), teardown).await?;
    let customer = shop.customer("ada@example.com").await?;
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(502).assert_json("/error/code", "gateway_unreachable");
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Placed);
    Ok(())
}

#[integration_test(timeout = "10s", tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn slow_gateway_times_out<Db: Database>(
    ImpatientShop(shop): &ImpatientShop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let customer = customer.at(shop);
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    gateway.answers_late();

    #[act(within = "5s")]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(504).assert_json("/error/code", "gateway_timeout");
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Placed);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
#[case::a_declined_card(Gateway::declines, 402)]
#[case::a_gateway_that_is_down(Gateway::is_down, 502)]
async fn payment_can_be_repeated_after_a_failure<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
    #[case] fails: fn(&Gateway),
    #[case] status: u16,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    fails(gateway);
    customer.pays(order.id, "tok_visa").await?.assert_status(status);
    gateway.approves();

    #[act]
    let response = customer.pays(order.id, "tok_mastercard").await?;

    #[assert]
    response.assert_status(200).assert_json("/status", "paid");
    let requests = gateway.requests()?;
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].idempotency_key, requests[1].idempotency_key);
    assert_eq!(gateway.charges(), requests[1..]);
    Ok(())
}

#[integration_test(timeout = "10s", tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn paying_again_after_a_timeout_does_not_charge_again<Db: Database>(
    shop: &Shop<Db>,
    ImpatientShop(impatient): &ImpatientShop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange("the gateway makes the charge, but its response comes after the timeout")]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;
    gateway.answers_late();
    customer.at(impatient).pays(order.id, "tok_visa").await?.assert_status(504);
    assert_eq!(gateway.charges().len(), 1);
    gateway.approves();

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(200).assert_json("/status", "paid").assert_json("/charge_id", "ch_0");
    assert_eq!(gateway.requests()?.len(), 2);
    assert_eq!(gateway.charges().len(), 1);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn paid_order_cannot_be_paid_again<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.paid_order(&book, 1).await?;

    #[act]
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert]
    response.assert_status(409).assert_json("/error/message", "the order is paid and cannot become paid");
    assert_eq!(gateway.requests()?.len(), 1);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn concurrent_payments_charge_once<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;

    #[act("all at the same time")]
    let path = format!("/orders/{}/pay", order.id);
    let requests = (0..20).map(|_| customer.client.post(&path).json(&json!({"card_token": "tok_visa"})));
    let responses = requests.map(itest::Request::send).collect::<JoinSet<_>>().join_all().await;

    #[assert]
    let mut statuses = responses.into_iter().map(|response| Ok(response?.status())).collect::<Result<Vec<_>>>()?;
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[409; 19]].concat());
    assert_eq!(gateway.charges().len(), 1);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn each_order_gets_its_own_charge<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let pen = shop.product("pen", 199, 10).await?;

    #[act]
    customer.paid_order(&book, 1).await?;
    customer.paid_order(&pen, 1).await?;

    #[assert]
    let amounts: Vec<_> = gateway.charges().iter().map(|charge| charge.amount_cents).collect();
    assert_eq!(amounts, [1299, 199]);
    Ok(())
}

#[integration_test(tags("payments"), covers("POST /orders/{id}/pay"))]
#[over(Db = [Sqlite, Postgres])]
async fn payment_without_a_card_sends_no_charge<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
    #[values("", "  ")] card_token: &str,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;

    #[act]
    let response = customer.pays(order.id, card_token).await?;

    #[assert]
    response.assert_status(422).assert_json("/error/code", "invalid");
    assert_eq!(gateway.requests()?, []);
    Ok(())
}

#[integration_test(timeout = "10s", tags("payments"), covers("POST /orders/{id}/pay", "POST /orders/{id}/cancel"))]
#[over(Db = [Sqlite, Postgres])]
async fn charge_for_a_cancelled_order_is_recorded<Db: Database>(db: &Db, teardown: &Teardown) -> Result<()> {
    #[arrange("a gateway that answers on a signal")]
    let (requested, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (notify_requested, wait_for_answer) = (Arc::clone(&requested), Arc::clone(&answer));
    let charge = async move || {
        notify_requested.notify_one();
        wait_for_answer.notified().await;
        axum::Json(json!({"charge_id": "ch_7"}))
    };
    let gateway = Server::start(Router::new().route("/charges", post(charge)), teardown).await?;
    let shop = Shop::<Db>::start(db.pool(), config(gateway.url()), teardown).await?;
    let customer = shop.customer("ada@example.com").await?;
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;

    #[act("the customer cancels while the gateway makes the charge")]
    let cancelling = async {
        requested.notified().await;
        let response = customer.cancels(order.id).await;
        answer.notify_one();
        response
    };
    let (paid, cancelled) = tokio::join!(customer.pays(order.id, "tok_visa"), cancelling);

    #[assert("the charge is recorded, so that it can be refunded")]
    cancelled?.assert_status(200);
    paid?.assert_status(409).assert_json("/error/code", "illegal_transition");
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Cancelled);
    let recorded: (i64, String) = db.row("SELECT amount_cents, charge_id FROM payments").await?;
    assert_eq!(recorded, (1299, "ch_7".to_owned()));
    Ok(())
}
