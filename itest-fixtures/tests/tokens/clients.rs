//! Clients that request tokens for themselves.

use itest::prelude::*;
use itest::{Client, TokenIssuer};
use openidconnect::core::CoreClient;
use openidconnect::{AuthType, ClientId, ClientSecret, OAuth2TokenResponse, RequestTokenError, Scope};

use crate::openid::{discovered, send};
use crate::shop::{AUDIENCE, Shop};

const SECRET: &str = "s3cret: ü+%";

fn register(issuer: &TokenIssuer) {
    issuer.register_client(
        "billing 1",
        SECRET,
        issuer.token().audience(AUDIENCE).role("customer").scope("a").scope("b"),
    );
    issuer.register_client("mail", SECRET, issuer.token().audience("mail"));
}

/// A token and its scopes, as the client of `openidconnect` requests it.
async fn request_token(
    issuer: &TokenIssuer,
    secret: &str,
    kind: AuthType,
    scopes: &[&str],
) -> Result<(String, String)> {
    let client = CoreClient::from_provider_metadata(
        discovered(issuer).await?,
        ClientId::new("billing 1".to_owned()),
        Some(ClientSecret::new(secret.to_owned())),
    );
    let client = client.set_auth_type(kind);
    let scopes = scopes.iter().map(|scope| Scope::new((*scope).to_owned()));
    let response = client.exchange_client_credentials()?.add_scopes(scopes).request_async(&send).await;
    match response {
        Ok(response) => {
            assert_eq!(response.expires_in().map(|time| time.as_secs()), Some(300));
            let scopes: Vec<String> = response.scopes().into_iter().flatten().map(|scope| scope.to_string()).collect();
            Ok((response.access_token().secret().clone(), scopes.join(" ")))
        }
        Err(RequestTokenError::ServerResponse(error)) => Err(error.error().to_string().into()),
        Err(error) => Err(error.into()),
    }
}

#[integration_test]
#[case::header(AuthType::BasicAuth)]
#[case::form(AuthType::RequestBody)]
async fn client_gets_a_token_that_the_service_accepts(
    shop: &Shop,
    issuer: &TokenIssuer,
    #[case] kind: AuthType,
) -> Result<()> {
    #[arrange]
    register(issuer);

    #[act]
    let (token, scopes) = request_token(issuer, SECRET, kind, &[]).await?;

    #[assert]
    assert_eq!((shop.status(&token).await?, scopes.as_str()), (200, "a b"));
    Ok(())
}

#[integration_test]
async fn client_gets_only_the_scopes_that_it_requests_and_may_have(issuer: &TokenIssuer) -> Result<()> {
    register(issuer);
    let (token, scopes) = request_token(issuer, SECRET, AuthType::BasicAuth, &["b"]).await?;
    let claims: serde_json::Value = jsonwebtoken::dangerous::insecure_decode_claims(token)?;
    assert_eq!((scopes.as_str(), &claims["scope"], &claims["sub"]), ("b", &"b".into(), &"billing 1".into()));
    let error = request_token(issuer, SECRET, AuthType::BasicAuth, &["b", "c"]).await.unwrap_err();
    assert_eq!(error.to_string(), "invalid_scope");
    Ok(())
}

#[integration_test]
async fn wrong_secret_is_refused(issuer: &TokenIssuer) -> Result<()> {
    register(issuer);
    for kind in [AuthType::BasicAuth, AuthType::RequestBody] {
        let error = request_token(issuer, "0ther", kind, &[]).await.unwrap_err();
        assert_eq!(error.to_string(), "invalid_client");
    }
    Ok(())
}

/// The codes of RFC 6749, section 5.2.
#[integration_test]
#[case::no_grant("client_id=mail", 400, "invalid_request")]
#[case::other_grant("grant_type=password&client_id=mail", 400, "unsupported_grant_type")]
#[case::no_client("grant_type=client_credentials", 401, "invalid_client")]
#[case::no_secret("grant_type=client_credentials&client_id=mail", 401, "invalid_client")]
async fn wrong_request_gets_the_code_of_the_standard(
    issuer: &TokenIssuer,
    #[case] form: &str,
    #[case] status: u16,
    #[case] code: &str,
) -> Result<()> {
    register(issuer);
    let request = Client::new(issuer.url()).post("/token").body("application/x-www-form-urlencoded", form);
    request.await?.assert_status(status).assert_json("/error", code);
    Ok(())
}

#[integration_test]
async fn two_ways_of_authentication_in_one_request_are_refused(issuer: &TokenIssuer) -> Result<()> {
    register(issuer);
    let form = "grant_type=client_credentials&client_id=mail&client_secret=x";
    let request = Client::new(issuer.url()).post("/token").body("application/x-www-form-urlencoded", form);
    let response = request.header("authorization", "Basic bWFpbDp4").await?;
    response.assert_status(400).assert_json("/error", "invalid_request");
    Ok(())
}

#[integration_test]
async fn shown_response_contains_neither_the_token_nor_the_secret(issuer: &TokenIssuer) -> Result<()> {
    register(issuer);
    let form = "grant_type=client_credentials&client_id=mail&client_secret=s3cret%3A+%C3%BC%2B%25";
    let response = Client::new(issuer.url()).post("/token").body("application/x-www-form-urlencoded", form).await?;
    response.assert_status(200).assert_header("cache-control", "no-store");
    let shown = response.to_string();
    assert!(!shown.contains("eyJ") && !shown.contains("s3cret") && shown.contains("token_type"), "{shown}");
    Ok(())
}
