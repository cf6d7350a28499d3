//! Keys that rotate, and requests for them.

use base64ct::{Base64UrlUnpadded, Encoding};
use itest::prelude::*;
use itest::{Client, Fault, Reply, SigningAlgorithm, TokenIssuer, request};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde_json::Value;

use crate::shop::{Shop, customer};

async fn published_algorithms(issuer: &TokenIssuer) -> Result<Vec<Value>> {
    let keys = Client::new(issuer.jwks_url()).get("").await?.json::<Value>()?;
    Ok(keys["keys"].as_array().unwrap().iter().map(|key| key["alg"].clone()).collect())
}

#[integration_test(workflow)]
async fn token_of_the_next_key_is_accepted_after_the_keys_are_requested_again(
    shop: &Shop,
    issuer: &TokenIssuer,
) -> Result<()> {
    #[arrange]
    let earlier = customer(issuer).sign();

    #[act("the shop verifies three tokens")]
    for token in [&earlier, &customer(issuer).sign(), &customer(issuer).sign()] {
        assert_eq!(shop.status(token).await?, 200);
    }
    #[assert("it caches the keys")]
    assert_eq!(issuer.jwks_request_count(), 1);

    #[act("the keys rotate")]
    issuer.rotate_keys();
    let statuses = [shop.status(&customer(issuer).sign()).await?, shop.status(&earlier).await?];
    #[assert("the next token is accepted, and the earlier one still is")]
    assert_eq!(statuses, [200, 200]);
    assert_eq!(issuer.jwks_request_count(), 2);
    Ok(())
}

#[integration_test]
async fn token_of_a_revoked_key_is_refused(issuer: &TokenIssuer, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let earlier = customer(issuer).sign();
    issuer.rotate_keys();
    issuer.revoke_previous_keys();

    #[act("a service without cached keys verifies it")]
    let shop = Shop::start(issuer, teardown).await?;
    let statuses = [shop.status(&earlier).await?, shop.status(&customer(issuer).sign()).await?];

    #[assert]
    assert_eq!(statuses, [401, 200]);
    Ok(())
}

#[integration_test]
async fn another_algorithm_replaces_all_keys(issuer: &TokenIssuer) -> Result<()> {
    assert_eq!(published_algorithms(issuer).await?, ["ES256"]);
    issuer.sign_with(SigningAlgorithm::EdDsa);
    issuer.rotate_keys();
    assert_eq!(published_algorithms(issuer).await?, ["EdDSA", "EdDSA"]);
    Ok(())
}

/// The endpoint is a stand-in, so that it has faults and further stubs.
#[integration_test]
async fn service_answers_again_after_the_keys_could_not_be_read(shop: &Shop, issuer: &TokenIssuer) -> Result<()> {
    #[arrange]
    issuer.endpoint().inject(Fault::Status(503)).on(request::get("/.well-known/jwks.json")).first(1);
    let token = customer(issuer).sign();

    #[act]
    let statuses = [shop.status(&token).await?, shop.status(&token).await?];

    #[assert]
    assert_eq!(statuses, [503, 200]);
    Ok(())
}

#[integration_test]
fn published_pem_verifies_the_next_token(issuer: &TokenIssuer) -> Result<()> {
    issuer.rotate_keys();
    let key = p256::PublicKey::from_public_key_pem(&issuer.public_key_pem())?;
    let token = customer(issuer).sign();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = Signature::from_slice(&Base64UrlUnpadded::decode_vec(signature)?)?;
    VerifyingKey::from(key).verify(input.as_bytes(), &signature)?;
    Ok(())
}

/// A stub of the test comes before the issuer's own one, because it was written later.
#[integration_test]
async fn stub_of_the_test_replaces_the_discovery_document(issuer: &TokenIssuer) -> Result<()> {
    let path = "/.well-known/openid-configuration";
    issuer.endpoint().when(request::get(path)).reply(Reply::status(404));
    Client::new(issuer.url()).get(path).await?.assert_status(404);
    Ok(())
}
