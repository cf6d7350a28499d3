//! Placing orders: reserved stock, and refused orders.

use itest::prelude::*;
use serde_json::{Value, json};
use shop::orders::{Order, OrderItem, OrderStatus};
use shop::products::Product;
use tokio::task::JoinSet;

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{Admin, Customer, Shop};

#[integration_test(tags("smoke"), covers("POST /orders", "GET /orders/{id}"))]
#[over(Db = [Sqlite, Postgres])]
async fn order_reserves_the_stock_of_every_line<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let pen = shop.product("pen", 199, 3).await?;

    #[act]
    let response = customer.places(&[(pen.id, 3), (book.id, 2)]).await?;

    #[assert]
    let order: Order = response.assert_status(201).json()?;
    assert_eq!(order.customer_id, customer.id);
    assert_eq!(order.status, OrderStatus::Placed);
    assert_eq!(order.total_cents, 3 * 199 + 2 * 1299);
    let lines = [
        OrderItem { product_id: pen.id, quantity: 3, unit_price_cents: 199 },
        OrderItem { product_id: book.id, quantity: 2, unit_price_cents: 1299 },
    ];
    assert_eq!(order.items, lines);
    assert_eq!(customer.sees(order.id).await?, order);
    assert_eq!((shop.stock(&book).await?, shop.stock(&pen).await?), (8, 0));
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
#[case::no_items(json!({}))]
#[case::an_empty_list(json!({"items": []}))]
#[case::no_product(json!({"items": [{"quantity": 1}]}))]
#[case::no_quantity(json!({"items": [{"product_id": 1}]}))]
#[case::nothing_of_it(json!({"items": [{"product_id": 1, "quantity": 0}]}))]
#[case::less_than_nothing(json!({"items": [{"product_id": 1, "quantity": -1}]}))]
#[case::half_of_it(json!({"items": [{"product_id": 1, "quantity": 0.5}]}))]
#[case::one_line_with_nothing(json!({"items": [{"product_id": 1, "quantity": 1}, {"product_id": 1, "quantity": 0}]}))]
async fn invalid_order_is_refused<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
    #[case] order: Value,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;

    #[act]
    let response = customer.client.post("/orders").json(&order).await?;

    #[assert]
    response.assert_status(422).assert_json("/error/code", "invalid");
    assert_eq!(shop.stock(&book).await?, 10);
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn order_above_the_stock_is_refused<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 2).await?;

    #[act]
    let response = customer.places(&[(book.id, 3)]).await?;

    #[assert("the customer learns how many are left")]
    let message = format!("product {} is out of stock: 3 ordered, 2 left", book.id);
    response.assert_status(409).assert_json("/error/code", "out_of_stock").assert_json("/error/message", message);
    assert_eq!(shop.stock(&book).await?, 2);
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn lines_of_one_order_share_the_stock<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 5).await?;

    #[act("the customer orders three, and then three more of the same")]
    let response = customer.places(&[(book.id, 3), (book.id, 3)]).await?;

    #[assert]
    response.assert_status(409).assert_json("/error/code", "out_of_stock");
    assert_eq!(shop.stock(&book).await?, 5);
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn out_of_stock_line_reserves_nothing<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let pen = shop.product("pen", 199, 1).await?;
    let lamp = shop.product("lamp", 4999, 10).await?;

    #[act]
    let response = customer.places(&[(book.id, 2), (pen.id, 2), (lamp.id, 2)]).await?;

    #[assert]
    response.assert_status(409).assert_json("/error/code", "out_of_stock");
    let left = (shop.stock(&book).await?, shop.stock(&pen).await?, shop.stock(&lamp).await?);
    assert_eq!(left, (10, 1, 10));
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn unknown_product_reserves_nothing<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;

    #[act]
    let nothing = shop::products::ProductId(book.id.0 + 1);
    let response = customer.places(&[(book.id, 1), (nothing, 1)]).await?;

    #[assert]
    response.assert_status(422).assert_json("/error/code", "unknown_product");
    assert_eq!(shop.stock(&book).await?, 10);
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn order_with_overflowing_total_is_refused<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let palace = shop.product("palace", i64::MAX, 10).await?;

    #[act]
    let response = customer.places(&[(palace.id, 2)]).await?;

    #[assert]
    response.assert_status(422).assert_json("/error/code", "invalid");
    assert_eq!(shop.stock(&palace).await?, 10);
    Ok(())
}

#[integration_test(tags("smoke"), covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn only_one_of_two_customers_gets_the_last_item<Db: Database>(
    shop: &Shop<Db>,
    ada: Customer<Db>,
    bob: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 1).await?;
    let last = [(book.id, 1)];

    #[act("both order at the same time")]
    let (adas, bobs) = tokio::join!(ada.places(&last), bob.places(&last));

    #[assert]
    let mut statuses = [adas?.status(), bobs?.status()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(shop.stock(&book).await?, 0);
    Ok(())
}

#[integration_test(covers("POST /orders"))]
#[over(Db = [Sqlite, Postgres])]
async fn concurrent_orders_never_exceed_the_stock<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 5).await?;
    let order = json!({"items": [{"product_id": book.id, "quantity": 1}]});

    #[act("twenty orders at the same time")]
    let requests = (0..20).map(|_| customer.client.post("/orders").json(&order));
    let responses = requests.map(itest::Request::send).collect::<JoinSet<_>>().join_all().await;

    #[assert]
    let mut sold = 0;
    for response in responses {
        let response = response?;
        if response.status() == 201 {
            sold += 1;
        } else {
            response.assert_status(409).assert_json("/error/code", "out_of_stock");
        }
    }
    assert_eq!(sold, 5);
    assert_eq!(shop.stock(&book).await?, 0);
    Ok(())
}

#[integration_test(timeout = "10s", covers("POST /orders", "POST /orders/{id}/cancel"))]
#[over(Db = [Sqlite, Postgres])]
async fn orders_in_opposite_line_order_do_not_deadlock<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 100).await?;
    let pen = shop.product("pen", 199, 100).await?;
    let mut cancels = Vec::new();
    for _ in 0..5 {
        let order: Order = customer.places(&[(pen.id, 1), (book.id, 1)]).await?.assert_status(201).json()?;
        cancels.push(customer.client.post(format!("/orders/{}/cancel", order.id)));
    }

    #[act("some orders have the book first, some the pen, and some orders are cancelled")]
    let line = |product: &Product| json!({"product_id": product.id, "quantity": 1});
    let book_first = json!({"items": [line(&book), line(&pen)]});
    let pen_first = json!({"items": [line(&pen), line(&book)]});
    let orders = (0..20).map(|number| {
        let order = if number % 2 == 0 { &book_first } else { &pen_first };
        customer.client.post("/orders").json(order)
    });
    let responses = orders.chain(cancels).map(itest::Request::send).collect::<JoinSet<_>>().join_all().await;

    #[assert]
    for response in responses {
        let response = response?;
        assert!(matches!(response.status(), 200 | 201), "{response}");
    }
    assert_eq!((shop.stock(&book).await?, shop.stock(&pen).await?), (80, 80));
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
#[case::seen("GET", "")]
#[case::paid("POST", "/pay")]
#[case::shipped("POST", "/ship")]
#[case::delivered("POST", "/deliver")]
#[case::cancelled("POST", "/cancel")]
async fn unknown_order_gets_404<Db: Database>(
    admin: Admin<Db>,
    #[case] method: &str,
    #[case] step: &str,
) -> Result<()> {
    #[act]
    let path = format!("/orders/1{step}");
    let response = admin.client.request(method.parse()?, path).json(&json!({"card_token": "tok_visa"})).await?;

    #[assert]
    response.assert_status(404).assert_json("/error/message", "there is no such order");
    Ok(())
}
