//! Forms, multipart forms, texts, bytes and chunks, as a real axum service reads them.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Multipart as Upload};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Form, Json, Router};
use itest::prelude::*;
use itest::{Client, Multipart, Server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize)]
struct Login {
    user: String,
    remember: bool,
    note: Option<String>,
}

/// What a multipart form contains.
async fn upload(mut form: Upload) -> Json<Value> {
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.unwrap() {
        let (name, file) = (part.name().map(str::to_owned), part.file_name().map(str::to_owned));
        let content_type = part.content_type().map(str::to_owned);
        let contents = part.bytes().await.unwrap();
        parts.push(json!({"name": name, "file": file, "type": content_type, "bytes": contents.to_vec()}));
    }
    Json(Value::Array(parts))
}

/// The headers and the text of a body.
async fn show(headers: HeaderMap, body: Bytes) -> Json<Value> {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    Json(json!({
        "type": header("content-type"),
        "length": header("content-length"),
        "encoding": header("transfer-encoding"),
        "text": String::from_utf8_lossy(&body),
    }))
}

struct Bodies(Client);

#[fixture]
async fn bodies(teardown: &Teardown) -> Result<Bodies> {
    let app = Router::new()
        .route("/login", post(|Form(login): Form<Login>| async move { Json(login) }))
        .route("/upload", post(upload))
        .route("/show", post(show))
        .route("/length", post(async |body: Bytes| body.len().to_string()))
        .layer(DefaultBodyLimit::max(32_000_000));
    Ok(Bodies(Server::start(app, teardown).await?.client()))
}

#[integration_test]
async fn form_is_read_by_the_service(Bodies(client): &Bodies) -> Result<()> {
    let login = Login { user: "ann & b=c ü+".to_owned(), remember: true, note: None };
    let response = client.post("/login").form(&login).await?;
    response.assert_success().assert_json("/user", "ann & b=c ü+").assert_json("/remember", true);
    client.post("/login").form(&[("user", "ann"), ("remember", "false")]).await?.assert_json("/remember", false);
    Ok(())
}

#[integration_test]
async fn texts_and_files_of_a_multipart_form_are_read_by_the_service(Bodies(client): &Bodies) -> Result<()> {
    let picture: Vec<u8> = (0..=255).collect();
    let form = Multipart::new()
        .text("title", "A cat, ü\r\n--itest-form-boundary-0--")
        .file("photo", "cat é.png", "image/png", picture.clone())
        .text("empty", "");
    let response = client.post("/upload").multipart(&form).await?;
    response.assert_status(200).assert_json(
        "",
        json!([
            {"name": "title", "file": null, "type": null, "bytes": "A cat, ü\r\n--itest-form-boundary-0--".as_bytes()},
            {"name": "photo", "file": "cat é.png", "type": "image/png", "bytes": picture},
            {"name": "empty", "file": null, "type": null, "bytes": []},
        ]),
    );
    client.post("/upload").multipart(&Multipart::new()).await?.assert_json("", json!([]));
    Ok(())
}

#[integration_test]
async fn file_of_20_megabytes_arrives(Bodies(client): &Bodies) -> Result<()> {
    let response = client.post("/length").body("application/octet-stream", vec![7; 20_000_000]).await?;
    response.assert_text("20000000");
    Ok(())
}

#[integration_test]
async fn texts_and_bytes_arrive_with_their_content_type(Bodies(client): &Bodies) -> Result<()> {
    let response = client.post("/show").text("hello").await?;
    response.assert_json_contains(json!({"type": "text/plain; charset=utf-8", "text": "hello", "length": "5"}));
    let response = client.post("/show").body("application/json", "{invalid").await?;
    response.assert_json_contains(json!({"type": "application/json", "text": "{invalid"}));
    Ok(())
}

#[integration_test]
async fn chunks_arrive_without_a_length(Bodies(client): &Bodies) -> Result<()> {
    let chunks = (0..100).map(|number| if number % 2 == 0 { "ab" } else { "" });
    let response = client.post("/show").chunks("text/csv", chunks).await?;
    let expected = json!({"type": "text/csv", "length": null, "encoding": "chunked", "text": "ab".repeat(50)});
    response.assert_json_contains(expected);
    Ok(())
}

#[integration_test]
async fn failure_shows_a_multipart_form_without_its_secrets(Bodies(client): &Bodies) -> Result<()> {
    let form = Multipart::new().text("password", "s3cret").file("photo", "cat.png", "image/png", "s3cret");
    let shown = client.post("/show").multipart(&form).await?.to_string();
    assert!(shown.contains(">   password: ***\n>   photo: file \"cat.png\", image/png, 6 bytes\n"), "{shown}");
    let sent = shown.split("\n< ").next().unwrap_or_default();
    assert!(!sent.contains("s3cret"), "{shown}");
    Ok(())
}
