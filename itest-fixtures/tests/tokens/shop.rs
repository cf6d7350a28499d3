//! A service that verifies tokens with the crate `jsonwebtoken`, as a service in production would.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use itest::prelude::*;
use itest::{Client, NewToken, Server, TokenIssuer};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

/// The audience of the service.
pub(crate) const AUDIENCE: &str = "shop";

/// The service under test, configured with the URL of the issuer.
pub(crate) struct Shop {
    pub(crate) client: Client,
}

impl Shop {
    pub(crate) async fn start(issuer: &TokenIssuer, teardown: &Teardown) -> Result<Self> {
        let verifier = Verifier { issuer: issuer.url(), keys: Mutex::default() };
        let app = Router::new().route("/orders", get(orders)).with_state(Arc::new(verifier));
        Ok(Self { client: Server::start(app, teardown).await?.client() })
    }

    /// The status of the response to a request with this token.
    pub(crate) async fn status(&self, token: &str) -> Result<u16> {
        Ok(self.client.get("/orders").bearer(token).await?.status())
    }
}

#[fixture]
async fn shop(issuer: &TokenIssuer, teardown: &Teardown) -> Result<Shop> {
    Shop::start(issuer, teardown).await
}

/// A token that the shop accepts.
pub(crate) fn customer(issuer: &TokenIssuer) -> NewToken {
    issuer.token().subject("ann").audience(AUDIENCE).role("customer")
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    roles: Vec<String>,
}

struct Verifier {
    issuer: String,
    /// The keys of the issuer, which are requested again if a token names another one.
    keys: Mutex<Option<JwkSet>>,
}

async fn orders(State(verifier): State<Arc<Verifier>>, headers: HeaderMap) -> StatusCode {
    let header = headers.get("authorization").and_then(|value| value.to_str().ok());
    match header.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(token) => verifier.verify(token).await.err().unwrap_or(StatusCode::OK),
        None => StatusCode::UNAUTHORIZED,
    }
}

impl Verifier {
    async fn verify(&self, token: &str) -> Result<(), StatusCode> {
        let header = decode_header(token).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let id = header.kid.ok_or(StatusCode::UNAUTHORIZED)?;
        let key = self.key(&id).await?;
        // The key decides about the algorithm, and not the token.
        let algorithm: Algorithm = key
            .common
            .key_algorithm
            .and_then(|algorithm| algorithm.to_string().parse().ok())
            .expect("a known algorithm");
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        let key = DecodingKey::from_jwk(&key).expect("a supported key");
        let claims = decode::<Claims>(token, &key, &validation).map_err(|_| StatusCode::UNAUTHORIZED)?.claims;
        if claims.roles.iter().any(|role| role == "customer") { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }

    async fn key(&self, id: &str) -> Result<Jwk, StatusCode> {
        if let Some(key) = self.keys.lock().unwrap().as_ref().and_then(|keys| keys.find(id)) {
            return Ok(key.clone());
        }
        let keys = self.request_keys().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        let key = keys.find(id).cloned();
        *self.keys.lock().unwrap() = Some(keys);
        key.ok_or(StatusCode::UNAUTHORIZED)
    }

    async fn request_keys(&self) -> reqwest::Result<JwkSet> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let discovery = format!("{}/.well-known/openid-configuration", self.issuer);
        let document: Value = client.get(discovery).send().await?.error_for_status()?.json().await?;
        let url = document["jwks_uri"].as_str().unwrap_or_default();
        client.get(url).send().await?.error_for_status()?.json().await
    }
}
