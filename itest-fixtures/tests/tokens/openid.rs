//! The OpenID client `openidconnect` accepts the issuer.

use itest::prelude::*;
use itest::{BadToken, SigningAlgorithm, TokenIssuer};
use openidconnect::core::{CoreClient, CoreIdToken, CoreProviderMetadata};
use openidconnect::{ClientId, HttpRequest, HttpResponse, IssuerUrl, Nonce, RedirectUrl};

const CLIENT_ID: &str = "shop";

pub(crate) async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let response = client.execute(request.try_into()?).await?;
    let mut answer = HttpResponse::new(Vec::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = response.headers().clone();
    *answer.body_mut() = response.bytes().await?.to_vec();
    Ok(answer)
}

/// What the client has discovered of the issuer, its keys included.
pub(crate) async fn discovered(issuer: &TokenIssuer) -> Result<CoreProviderMetadata> {
    Ok(CoreProviderMetadata::discover_async(IssuerUrl::new(issuer.url())?, &send).await?)
}

/// The subject of a token, if the client accepts it.
fn subject(metadata: CoreProviderMetadata, token: &str, nonce: &str) -> Result<String> {
    let token: CoreIdToken = token.parse()?;
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(CLIENT_ID.to_owned()), None);
    let claims = token.claims(&client.id_token_verifier(), &Nonce::new(nonce.to_owned()))?;
    Ok(claims.subject().to_string())
}

#[integration_test]
async fn client_discovers_the_issuer_and_accepts_its_token(
    issuer: &TokenIssuer,
    #[values(SigningAlgorithm::Es256, SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa)] algorithm: SigningAlgorithm,
) -> Result<()> {
    #[arrange]
    issuer.sign_with(algorithm);
    let token = issuer.token().subject("ann").audience(CLIENT_ID).claim("nonce", "n-1");

    #[act]
    let metadata = discovered(issuer).await?;

    #[assert]
    assert_eq!(metadata.issuer().as_str(), issuer.url());
    assert_eq!(metadata.jwks().keys().len(), 1);
    assert_eq!(subject(metadata.clone(), &token.sign(), "n-1")?, "ann");
    assert!(subject(metadata, &token.sign(), "n-2").is_err());
    Ok(())
}

/// OpenID Connect knows neither `nbf` nor roles.
#[integration_test]
async fn client_refuses_bad_tokens(issuer: &TokenIssuer) -> Result<()> {
    #[arrange]
    let token = issuer.token().audience(CLIENT_ID).claim("nonce", "n-1");
    let metadata = discovered(issuer).await?;
    subject(metadata.clone(), &token.sign(), "n-1")?;

    #[act]
    let kinds = BadToken::ALL.into_iter().filter(|kind| ![BadToken::NotYetValid, BadToken::WrongRole].contains(kind));
    let accepted: Vec<BadToken> =
        kinds.filter(|kind| subject(metadata.clone(), &token.bad(*kind), "n-1").is_ok()).collect();

    #[assert]
    assert_eq!(accepted, []);
    Ok(())
}

#[integration_test]
async fn client_accepts_tokens_of_both_keys_after_a_rotation(issuer: &TokenIssuer) -> Result<()> {
    #[arrange]
    let token = issuer.token().subject("ann").audience(CLIENT_ID).claim("nonce", "n-1");
    let earlier = token.sign();
    issuer.rotate_keys();

    #[act]
    let both = discovered(issuer).await?;
    issuer.revoke_previous_keys();
    let one = discovered(issuer).await?;

    #[assert]
    assert_eq!(subject(both.clone(), &earlier, "n-1")?, "ann");
    assert_eq!(subject(both, &token.sign(), "n-1")?, "ann");
    assert!(subject(one, &earlier, "n-1").is_err());
    Ok(())
}

/// The discovery document names the endpoints that a login needs.
#[integration_test]
async fn client_makes_the_url_of_a_login(issuer: &TokenIssuer) -> Result<()> {
    let metadata = discovered(issuer).await?;
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(CLIENT_ID.to_owned()), None)
        .set_redirect_uri(RedirectUrl::new("http://localhost/callback".to_owned())?);
    let flow = openidconnect::core::CoreAuthenticationFlow::AuthorizationCode;
    let (url, _, _) = client.authorize_url(flow, openidconnect::CsrfToken::new_random, Nonce::new_random).url();
    assert!(url.as_str().starts_with(&format!("{}/authorize?response_type=code&client_id=shop", issuer.url())));
    Ok(())
}
