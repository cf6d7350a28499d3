//! The status changes of orders.

use itest::prelude::*;
use serde_json::json;
use shop::orders::OrderStatus::{self, Cancelled, Delivered, Paid, Placed, Shipped};
use shop::orders::{Order, OrderId};
use shop::products::Product;
use tokio::task::JoinSet;

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{Admin, Customer, Shop};
use crate::gateway::Gateway;

#[integration_test(
    workflow,
    tags("smoke", "payments"),
    covers("POST /orders", "POST /orders/{id}/pay", "POST /orders/{id}/ship", "POST /orders/{id}/deliver")
)]
#[over(Db = [Sqlite, Postgres])]
async fn order_is_placed_paid_shipped_and_delivered<Db: Database>(
    shop: &Shop<Db>,
    gateway: &Gateway,
    customer: Customer<Db>,
    admin: Admin<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;

    #[act("the customer orders two books")]
    let response = customer.places(&[(book.id, 2)]).await?;

    #[assert("two books are reserved")]
    let order: Order = response.assert_status(201).json()?;
    assert_eq!(order.status, Placed);
    assert_eq!(shop.stock(&book).await?, 8);

    #[act("the card is declined")]
    gateway.declines();
    let response = customer.pays(order.id, "tok_expired").await?;

    #[assert("the order is still placed")]
    response.assert_status(402);
    assert_eq!(customer.status_of(order.id).await?, Placed);

    #[act("the customer takes another card")]
    gateway.approves();
    let response = customer.pays(order.id, "tok_visa").await?;

    #[assert("the card is charged")]
    response.assert_status(200).assert_json("/amount_cents", 2598);
    assert_eq!(gateway.charges().len(), 1);

    #[act("the parcel leaves")]
    let response = admin.ships(order.id).await?;

    #[assert("it is too late to cancel")]
    response.assert_status(200).assert_json("/status", "shipped");
    customer.cancels(order.id).await?.assert_status(409);

    #[act("the parcel arrives")]
    let response = admin.delivers(order.id).await?;

    #[assert("the customer sees the status, and the stock stays reduced")]
    response.assert_status(200).assert_json("/status", "delivered");
    assert_eq!(customer.sees(order.id).await?, Order { status: Delivered, ..order });
    assert_eq!(shop.stock(&book).await?, 8);
    Ok(())
}

#[integration_test]
#[over(Db = [Sqlite, Postgres])]
async fn illegal_status_change_is_refused<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
    admin: Admin<Db>,
    #[values(Placed, Paid, Shipped, Delivered, Cancelled)] from: OrderStatus,
    #[values("pay", "ship", "deliver", "cancel")] step: &str,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = order_with_status(from, &book, &customer, &admin).await?;

    #[act]
    let client = if matches!(step, "ship" | "deliver") { &admin.client } else { &customer.client };
    let path = format!("/orders/{order}/{step}");
    let response = client.post(path).json(&json!({"card_token": "tok_visa"})).await?;

    #[assert]
    let next = match (from, step) {
        (Placed, "pay") => Paid,
        (Paid, "ship") => Shipped,
        (Shipped, "deliver") => Delivered,
        (Placed | Paid, "cancel") => Cancelled,
        _ => {
            response.assert_status(409).assert_json("/error/code", "illegal_transition");
            from
        }
    };
    if next != from {
        response.assert_status(200).assert_json("/status", next.to_string());
    }
    assert_eq!(customer.status_of(order).await?, next);
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/cancel"))]
#[over(Db = [Sqlite, Postgres])]
async fn cancelling_restores_the_stock<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
    admin: Admin<Db>,
    #[values(Placed, Paid)] status: OrderStatus,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = order_with_status(status, &book, &customer, &admin).await?;
    assert_eq!(shop.stock(&book).await?, 9);

    #[act]
    let response = customer.cancels(order).await?;

    #[assert]
    response.assert_status(200).assert_json("/status", "cancelled");
    assert_eq!(shop.stock(&book).await?, 10);
    Ok(())
}

#[integration_test(covers("POST /orders/{id}/cancel"))]
#[over(Db = [Sqlite, Postgres])]
async fn concurrent_cancellations_restore_the_stock_once<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let pen = shop.product("pen", 199, 10).await?;
    let order: Order = customer.places(&[(book.id, 4), (pen.id, 6)]).await?.assert_status(201).json()?;

    #[act("all at the same time")]
    let requests = (0..20).map(|_| customer.client.post(format!("/orders/{}/cancel", order.id)));
    let responses = requests.map(itest::Request::send).collect::<JoinSet<_>>().join_all().await;

    #[assert]
    let mut statuses = responses.into_iter().map(|response| Ok(response?.status())).collect::<Result<Vec<_>>>()?;
    statuses.sort_unstable();
    assert_eq!(statuses, [[200].as_slice(), &[409; 19]].concat());
    assert_eq!((shop.stock(&book).await?, shop.stock(&pen).await?), (10, 10));
    Ok(())
}

/// Places an order of one item and changes its status step by step.
async fn order_with_status<Db>(
    status: OrderStatus,
    product: &Product,
    customer: &Customer<Db>,
    admin: &Admin<Db>,
) -> Result<OrderId> {
    let order = customer.order(product, 1).await?.id;
    if status == Cancelled {
        customer.cancels(order).await?.assert_status(200);
    }
    if matches!(status, Paid | Shipped | Delivered) {
        customer.pays(order, "tok_visa").await?.assert_status(200);
    }
    if matches!(status, Shipped | Delivered) {
        admin.ships(order).await?.assert_status(200);
    }
    if status == Delivered {
        admin.delivers(order).await?.assert_status(200);
    }
    Ok(order)
}
