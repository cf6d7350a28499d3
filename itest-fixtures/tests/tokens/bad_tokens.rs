//! Good tokens are accepted, and bad ones are refused.

use itest::prelude::*;
use itest::{BadToken, SigningAlgorithm, TokenIssuer};
use serde_json::json;

use crate::shop::{AUDIENCE, Shop, customer};

#[integration_test]
async fn bad_token_is_refused_and_the_good_one_accepted(
    shop: &Shop,
    issuer: &TokenIssuer,
    #[values(
        BadToken::Expired,
        BadToken::NotYetValid,
        BadToken::WrongKey,
        BadToken::UnknownKey,
        BadToken::EmbeddedKey,
        BadToken::AlgorithmNone,
        BadToken::HmacWithPublicKey,
        BadToken::Tampered,
        BadToken::WrongAudience,
        BadToken::WrongIssuer,
        BadToken::WrongRole,
        BadToken::MissingExpiry,
        BadToken::MissingAudience,
        BadToken::MissingIssuer,
        BadToken::MissingSubject,
        BadToken::Truncated,
        BadToken::NotAToken
    )]
    bad: BadToken,
) -> Result<()> {
    #[arrange]
    assert_eq!(shop.status(&customer(issuer).sign()).await?, 200);

    #[act]
    let status = shop.status(&customer(issuer).bad(bad)).await?;

    #[assert]
    assert_eq!(status, if bad == BadToken::WrongRole { 403 } else { 401 });
    Ok(())
}

/// RSA keys are used again by later tests, so that only the first test of a process waits for them.
#[integration_test]
async fn every_bad_token_of_every_algorithm_is_refused(
    shop: &Shop,
    issuer: &TokenIssuer,
    #[values(SigningAlgorithm::Es256, SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa)] algorithm: SigningAlgorithm,
) -> Result<()> {
    #[arrange]
    issuer.sign_with(algorithm);
    let token = customer(issuer);

    #[act]
    let good = shop.status(&token.sign()).await?;
    let mut bad = Vec::new();
    for kind in BadToken::ALL {
        bad.push((kind, shop.status(&token.bad(kind)).await?));
    }

    #[assert]
    assert_eq!(good, 200);
    for (kind, status) in bad {
        assert!([401, 403].contains(&status), "{kind}: {status}");
    }
    Ok(())
}

#[integration_test]
async fn token_of_another_issuer_is_refused(shop: &Shop, other: TokenIssuer) -> Result<()> {
    assert_eq!(shop.status(&customer(&other).sign()).await?, 401);
    Ok(())
}

#[integration_test]
async fn claims_and_header_of_the_test_reach_the_service(shop: &Shop, issuer: &TokenIssuer) -> Result<()> {
    let token = issuer.token().claim("aud", json!(["bank", AUDIENCE])).claim("roles", json!(["reader"]));
    let token = token.header("typ", "at+jwt").lifetime(std::time::Duration::from_secs(10));
    assert_eq!(shop.status(&token.sign()).await?, 403);
    assert_eq!(shop.status(&token.clone().role("customer").sign()).await?, 200);
    assert_eq!(shop.status(&token.role("customer").without_claim("exp").sign()).await?, 401);
    Ok(())
}

#[integration_test]
fn bad_token_that_would_be_good_is_refused(issuer: &TokenIssuer) {
    let panic = std::panic::catch_unwind(|| issuer.token().bad(BadToken::WrongRole)).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(
        message,
        "cannot make a bad token of the kind wrong-role: the token has no role and no scope: add one with `role` or `scope`"
    );
}
