//! Sessions by cookie, and redirects.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use itest::prelude::*;
use itest::{Client, Server};

const SESSION: &str = "sid=s3cret; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=3600";

struct Accounts(Client);

#[fixture]
async fn accounts(teardown: &Teardown) -> Result<Accounts> {
    let redirect = |location: &'static str| (StatusCode::SEE_OTHER, [(LOCATION, location)]);
    let app = Router::new()
        .route("/login", post(move || async move { ([(SET_COOKIE, SESSION)], redirect("/home?tab=1")) }))
        .route("/logout", post(async || [(SET_COOKIE, "sid=; Path=/; Max-Age=0")]))
        .route("/home", get(async |headers: HeaderMap| headers[COOKIE].to_str().unwrap().to_owned()))
        .route("/cookies", get(async |headers: HeaderMap| format!("{:?}", headers.get(COOKIE))))
        .route("/two", get(async || [(SET_COOKIE, "a=1; Path=/admin"), (SET_COOKIE, "a=2")]))
        .route("/again/{number}", get(again))
        .route("/kept", post(async |body: String| body))
        .route("/moved", post(async || (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/kept")])));
    Ok(Accounts(Server::start(app, teardown).await?.client()))
}

/// Redirects as often as the number says.
async fn again(Path(number): Path<u32>) -> (StatusCode, [(axum::http::HeaderName, String); 1]) {
    let status = if number == 0 { StatusCode::OK } else { StatusCode::SEE_OTHER };
    (status, [(LOCATION, format!("/again/{}", number.saturating_sub(1)))])
}

#[integration_test]
async fn session_cookie_is_sent_until_the_logout(Accounts(client): &Accounts) -> Result<()> {
    let browser = client.with_cookies();
    let response = browser.post("/login").await?;
    response.assert_redirect("/home?tab=1");
    assert_eq!(browser.cookie("sid").as_deref(), Some("s3cret"));
    browser.get("/home").await?.assert_text("sid=s3cret");
    browser.post("/logout").await?.assert_success();
    assert_eq!(browser.cookie("sid"), None);
    browser.get("/cookies").await?.assert_text("None");
    Ok(())
}

#[integration_test]
async fn stores_of_two_clients_are_separate(Accounts(client): &Accounts) -> Result<()> {
    let (ann, bob) = (client.with_cookies(), client.with_cookies());
    ann.set_cookie("sid", "ann");
    bob.set_cookie("sid", "bob");
    ann.get("/home").await?.assert_text("sid=ann");
    bob.get("/home").await?.assert_text("sid=bob");
    client.get("/cookies").await?.assert_text("None");
    Ok(())
}

#[integration_test]
async fn attributes_of_a_cookie_are_asserted(Accounts(client): &Accounts) -> Result<()> {
    let response = client.post("/login").await?;
    let cookie = response.assert_cookie("sid");
    cookie.assert_http_only().assert_secure().assert_same_site("lax").assert_attribute("Max-Age", "3600");
    assert_eq!(cookie.value(), "s3cret");
    assert!(response.cookie("other").is_none());
    Ok(())
}

#[integration_test]
async fn client_without_cookies_and_redirects_returns_every_response(Accounts(client): &Accounts) -> Result<()> {
    let response = client.post("/login").await?;
    response.assert_status(303).assert_redirect("/home?tab=1").assert_header("location", "/home?tab=1");
    response.assert_redirect(&format!("{}home?tab=1", response.url().strip_suffix("login").unwrap()));
    client.get("/cookies").await?.assert_text("None");
    Ok(())
}

#[integration_test]
async fn cookie_of_a_redirect_is_sent_to_its_location(Accounts(client): &Accounts) -> Result<()> {
    let browser = client.with_cookies().follow_redirects();
    let response = browser.post("/login").await?;
    response.assert_status(200).assert_text("sid=s3cret");
    assert!(response.url().ends_with("/home?tab=1"), "{}", response.url());
    assert!(response.to_string().contains("/home?tab=1\n"), "{response}");
    Ok(())
}

#[integration_test]
async fn temporary_redirect_keeps_the_body(Accounts(client): &Accounts) -> Result<()> {
    client.follow_redirects().post("/moved").text("kept").await?.assert_text("kept");
    Ok(())
}

#[integration_test]
async fn client_follows_ten_redirects(Accounts(client): &Accounts) -> Result<()> {
    let client = client.follow_redirects();
    client.get("/again/10").await?.assert_status(200);
    let error = client.get("/again/11").await.unwrap_err().to_string();
    assert!(error.contains("GET http://127.0.0.1:") && error.contains("too many redirects"), "{error}");
    Ok(())
}
