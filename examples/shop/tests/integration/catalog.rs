//! The catalog of products.

use itest::prelude::*;
use serde_json::{Value, json};
use shop::products::{Product, ProductPage};

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{Admin, Shop};

#[integration_test(tags("smoke"), covers("POST /products", "GET /products/{id}"))]
#[over(Db = [Sqlite, Postgres])]
async fn added_product_is_in_the_catalog<Db: Database>(shop: &Shop<Db>, admin: Admin<Db>) -> Result<()> {
    #[arrange]
    let book = json!({"sku": "B-1", "name": "The Book", "price_cents": 1299, "stock": 10});

    #[act]
    let added = admin.client.post("/products").json(&book).await?;

    #[assert]
    let added: Product = added.assert_status(201).json()?;
    let seen: Product = shop.client.get(format!("/products/{}", added.id)).await?.assert_status(200).json()?;
    assert_eq!(seen, added);
    assert_eq!((seen.sku.as_str(), seen.name.as_str()), ("B-1", "The Book"));
    assert_eq!((seen.price_cents, seen.stock), (1299, 10));
    Ok(())
}

#[integration_test(covers("POST /products"))]
#[over(Db = [Sqlite, Postgres])]
#[case::no_sku("/sku", json!(""))]
#[case::a_blank_sku("/sku", json!("  "))]
#[case::a_sku_of_201_characters("/sku", json!("B".repeat(201)))]
#[case::no_name("/name", json!(""))]
#[case::a_blank_name("/name", json!("\t"))]
#[case::no_character("/name", json!("The \0Book"))]
#[case::a_number_as_name("/name", json!(7))]
#[case::a_negative_price("/price_cents", json!(-1))]
#[case::a_price_in_words("/price_cents", json!("free"))]
#[case::half_a_cent("/price_cents", json!(0.5))]
#[case::negative_stock("/stock", json!(-1))]
#[case::stock_of_more_than_32_bits("/stock", json!(4_294_967_296_u64))]
#[case::unknown_stock("/stock", Value::Null)]
async fn invalid_product_is_refused<Db: Database>(
    shop: &Shop<Db>,
    admin: Admin<Db>,
    #[case] field: &str,
    #[case] value: Value,
) -> Result<()> {
    #[arrange]
    let mut product = json!({"sku": "B-1", "name": "The Book", "price_cents": 1299, "stock": 10});
    *product.pointer_mut(field).ok_or("there is no such field")? = value;

    #[act]
    let response = admin.client.post("/products").json(&product).await?;

    #[assert]
    response.assert_status(422).assert_json("/error/code", "invalid");
    shop.client.get("/products").await?.assert_json("/products", json!([]));
    Ok(())
}

#[integration_test(covers("POST /products"))]
#[over(Db = [Sqlite, Postgres])]
async fn product_may_be_free_and_sold_out<Db: Database>(shop: &Shop<Db>) -> Result<()> {
    #[act]
    let leaflet = shop.product("leaflet", 0, 0).await?;

    #[assert]
    assert_eq!((leaflet.price_cents, leaflet.stock), (0, 0));
    Ok(())
}

#[integration_test(covers("POST /products"))]
#[over(Db = [Sqlite, Postgres])]
async fn sku_may_have_two_hundred_characters_of_any_language<Db: Database>(shop: &Shop<Db>) -> Result<()> {
    #[arrange]
    let sku = "本".repeat(200);

    #[act]
    let book = shop.product(&sku, 1299, 10).await?;

    #[assert]
    assert_eq!(book.sku, sku);
    Ok(())
}

#[integration_test(covers("POST /products"))]
#[over(Db = [Sqlite, Postgres])]
async fn duplicate_sku_is_refused<Db: Database>(shop: &Shop<Db>, admin: Admin<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;

    #[act]
    let other = json!({"sku": book.sku, "name": "Another Book", "price_cents": 1, "stock": 1});
    let response = admin.client.post("/products").json(&other).await?;

    #[assert]
    response.assert_status(409).assert_json("/error/code", "sku_taken");
    shop.client.get("/products").await?.assert_json("/products", json!([book]));
    Ok(())
}

#[integration_test(covers("PUT /products/{id}/stock"))]
#[over(Db = [Sqlite, Postgres])]
async fn restocking_sets_the_stock_of_one_product<Db: Database>(
    shop: &Shop<Db>,
    admin: Admin<Db>,
    #[values(0, 7, u32::MAX)] stock: u32,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let pen = shop.product("pen", 199, 10).await?;
    shop.expect_supply(&book, stock);

    #[act]
    let response = admin.restocks(book.id, stock).await?;

    #[assert]
    let restocked: Product = response.assert_status(200).json()?;
    assert_eq!(restocked, Product { stock, ..book.clone() });
    assert_eq!(shop.stock(&book).await?, stock);
    assert_eq!(shop.stock(&pen).await?, 10);
    Ok(())
}

#[integration_test(covers("GET /products/{id}", "PUT /products/{id}/stock"))]
#[over(Db = [Sqlite, Postgres])]
#[case::seen("GET", "/products/1")]
#[case::restocked("PUT", "/products/1/stock")]
async fn unknown_product_gets_404<Db: Database>(
    admin: Admin<Db>,
    #[case] method: &str,
    #[case] path: &str,
) -> Result<()> {
    #[act]
    let response = admin.client.request(method.parse()?, path).json(&json!({"stock": 1})).await?;

    #[assert]
    response.assert_status(404).assert_json("/error/message", "there is no such product");
    Ok(())
}

#[integration_test(covers("GET /products"))]
#[over(Db = [Sqlite, Postgres])]
async fn catalog_pages_list_each_product_once<Db: Database>(
    shop: &Shop<Db>,
    #[values(1, 2, 3, 5, 6, 100)] limit: usize,
) -> Result<()> {
    #[arrange]
    let mut all = Vec::new();
    for name in ["book", "pen", "ink", "paper", "lamp"] {
        all.push(shop.product(name, 100, 1).await?);
    }

    #[act("a customer reads the catalog page by page")]
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let query = [("limit", Some(limit.to_string())), ("after", after)];
        let page: ProductPage = shop.client.get("/products").query(&query).await?.assert_status(200).json()?;
        after = page.next_after.map(|product| product.to_string());
        pages.push(page.products);
        if after.is_none() {
            break;
        }
    }

    #[assert]
    let expected: Vec<_> = all.chunks(limit).collect();
    assert_eq!(pages, expected);
    Ok(())
}

#[integration_test(covers("GET /products"))]
#[over(Db = [Sqlite, Postgres])]
async fn default_page_has_twenty_products<Db: Database>(shop: &Shop<Db>) -> Result<()> {
    #[arrange]
    for number in 1..=21 {
        shop.product(&format!("book {number}"), 1299, 1).await?;
    }

    #[act]
    let response = shop.client.get("/products").await?;

    #[assert]
    let page: ProductPage = response.assert_status(200).json()?;
    assert_eq!(page.products.len(), 20);
    assert_eq!(page.next_after, page.products.last().map(|product| product.id));
    Ok(())
}

#[integration_test(covers("GET /products"))]
#[over(Db = [Sqlite, Postgres])]
async fn invalid_page_is_refused<Db: Database>(
    shop: &Shop<Db>,
    #[values("limit=0", "limit=101", "limit=-1", "limit=many", "after=-1", "after=book")] query: &str,
) -> Result<()> {
    #[act]
    let response = shop.client.get(format!("/products?{query}")).await?;

    #[assert]
    response.assert_status(400).assert_json("/error/code", "bad_request");
    Ok(())
}
