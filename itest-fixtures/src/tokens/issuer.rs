//! The issuer of a test's tokens.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::algorithm::SigningAlgorithm;
use super::client_grant::{RegisteredClient, answer};
use super::discovery::{JWKS_PATH, OAUTH_PATH, OPENID_PATH, TOKEN_PATH, document};
use super::key_set::KeySet;
use super::new_token::NewToken;
use crate::itest::fixture;
use crate::wire::{Api, Reply, StandIn, Stub, request};

/// An issuer of signed tokens for one test: an authorization server, as far as services that verify tokens use it.
///
/// It has keys of its own, and publishes them on a free port of 127.0.0.1 with an OpenID discovery document.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::{BadToken, Client, TokenIssuer};
///
/// # struct Shop { client: Client }
/// # #[fixture]
/// # fn shop(issuer: &TokenIssuer) -> Shop { Shop { client: Client::new(issuer.url()) } }
/// #[integration_test]
/// async fn expired_token_is_refused(shop: &Shop, issuer: &TokenIssuer) -> Result<()> {
///     #[arrange]
///     let token = issuer.token().audience("shop").role("customer").bad(BadToken::Expired);
///
///     #[act]
///     let response = shop.client.get("/orders").bearer(&token).await?;
///
///     #[assert]
///     response.assert_status(401);
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct TokenIssuer {
    endpoint: StandIn<Self>,
    keys: Arc<KeySet>,
    jwks: Stub,
    clients: Arc<Mutex<Vec<RegisteredClient>>>,
}

impl TokenIssuer {
    fn new(endpoint: StandIn<Self>) -> Self {
        let keys = Arc::new(KeySet::generate(SigningAlgorithm::default()));
        for path in [OPENID_PATH, OAUTH_PATH] {
            let (url, keys) = (endpoint.url(), Arc::clone(&keys));
            let reply = Reply::with(move |_| Reply::json(200, document(&url, &keys.algorithms())));
            endpoint.when(request::get(path)).optional().reply(reply);
        }
        let published = Arc::clone(&keys);
        let reply = Reply::with(move |_| Reply::json(200, published.jwks()));
        let jwks = endpoint.when(request::get(JWKS_PATH)).optional().reply(reply);
        Self { endpoint, keys, jwks, clients: Arc::default() }
    }

    /// The URL of the issuer, `http://127.0.0.1:PORT`, which is also the claim `iss` of its tokens. The code under test is configured with
    /// it.
    #[must_use]
    pub fn url(&self) -> String {
        self.endpoint.url()
    }

    /// The URL of the published keys (`jwks_uri`), for code that does not use the discovery document.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.url())
    }

    /// The public half of the key that signs, in the PEM format, for code that is configured with a key and not with a URL.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        self.keys.current().public_pem()
    }

    /// Begins a token.
    pub fn token(&self) -> NewToken {
        NewToken::new(Arc::clone(&self.keys), self.url())
    }

    /// Replaces all keys by a new one of this algorithm. The default is [`SigningAlgorithm::Es256`].
    ///
    /// A fixture calls it before it starts the code under test, so that no token was signed with an earlier key.
    pub fn sign_with(&self, algorithm: SigningAlgorithm) {
        self.keys.rotate_to(algorithm);
        self.keys.revoke_previous();
    }

    /// Signs with a new key from now on. The earlier keys stay published, so that their tokens are still valid.
    pub fn rotate_keys(&self) {
        self.keys.rotate();
    }

    /// Publishes only the key that signs from now on, so that the tokens of earlier keys are not valid any longer.
    pub fn revoke_previous_keys(&self) {
        self.keys.revoke_previous();
    }

    /// Lets a client request tokens for itself with its id and its secret: `POST /token` with the grant `client_credentials` (RFC 6749).
    ///
    /// The client gets tokens like the described one, with its id as `client_id` and as the subject, unless the description has another
    /// subject. It may request some of the scopes, and gets all of them if it requests none.
    ///
    /// # Examples
    ///
    /// ```
    /// # use itest::TokenIssuer;
    /// # fn arrange(issuer: &TokenIssuer) {
    /// issuer.register_client("billing", "a-secret", issuer.token().audience("orders").scope("orders:read"));
    /// # }
    /// ```
    pub fn register_client(&self, id: impl Into<String>, secret: impl Into<String>, token: NewToken) {
        let client = RegisteredClient { id: id.into(), secret: secret.into(), token };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.push(client);
        // Without a registered client there is no stub, so that an unexpected request fails the test.
        if clients.len() == 1 {
            let registered = Arc::clone(&self.clients);
            let reply = Reply::with(move |request| {
                let clients = registered.lock().unwrap_or_else(PoisonError::into_inner).clone();
                answer(&clients, request)
            });
            self.endpoint.when(request::post(TOKEN_PATH)).optional().reply(reply);
        }
    }

    /// How many requests for the published keys the issuer has answered. It shows whether the code under test caches the keys.
    #[must_use]
    pub fn jwks_request_count(&self) -> usize {
        self.jwks.count()
    }

    /// The stand-in that answers the requests. With it, a test injects faults, reads the received requests, and mounts stubs for other
    /// endpoints, such as `/userinfo`.
    #[must_use]
    pub fn endpoint(&self) -> &StandIn<Self> {
        &self.endpoint
    }
}

impl Api for TokenIssuer {
    const NAME: &'static str = "token issuer";
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The keys show only their ids.
        formatter
            .debug_struct("TokenIssuer")
            .field("url", &self.url())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// An issuer of tokens.
#[fixture(crate = crate::itest)]
fn token_issuer(endpoint: StandIn<TokenIssuer>) -> TokenIssuer {
    TokenIssuer::new(endpoint)
}
