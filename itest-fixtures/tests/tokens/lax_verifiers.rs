//! A verifier that omits one check accepts exactly the bad tokens that this check refuses. So a bad token is refused for its own property,
//! and not for another one.

use std::collections::HashSet;

use itest::prelude::*;
use itest::{BadToken, Client, TokenIssuer};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use crate::shop::{AUDIENCE, customer};

#[derive(Deserialize)]
struct Claims {
    roles: Vec<String>,
    scope: String,
}

/// A verifier with all checks.
struct Verifier {
    keys: JwkSet,
    validation: Validation,
    /// The algorithm and the key of a verifier that does not use the published keys.
    fixed: Option<DecodingKey>,
    is_role_checked: bool,
}

impl Verifier {
    async fn new(issuer: &TokenIssuer) -> Result<Self> {
        let keys = Client::new(issuer.jwks_url()).get("").await?.json()?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[issuer.url()]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        Ok(Self { keys, validation, fixed: None, is_role_checked: true })
    }

    fn without_required(mut self, claim: &str) -> Self {
        self.validation.required_spec_claims.remove(claim);
        self
    }

    fn accepts(&self, token: &str) -> bool {
        let key = || DecodingKey::from_jwk(self.keys.find(&decode_header(token).ok()?.kid?)?).ok();
        let Some(key) = self.fixed.clone().or_else(key) else { return false };
        let claims = decode::<Claims>(token, &key, &self.validation).map(|decoded| decoded.claims);
        claims.is_ok_and(|claims| !self.is_role_checked || claims.roles == ["customer"] && claims.scope == "buy")
    }

    /// The bad tokens that it accepts, and whether it accepts the good one.
    fn accepted(&self, issuer: &TokenIssuer) -> HashSet<BadToken> {
        let token = customer(issuer).scope("buy");
        assert!(self.fixed.is_some() || self.accepts(&token.sign()), "the good token is accepted");
        BadToken::ALL.into_iter().filter(|kind| self.accepts(&token.bad(*kind))).collect()
    }
}

#[integration_test]
async fn verifier_with_all_checks_accepts_no_bad_token(issuer: &TokenIssuer) -> Result<()> {
    assert_eq!(Verifier::new(issuer).await?.accepted(issuer), HashSet::new());
    Ok(())
}

#[integration_test]
#[case::expiry(BadToken::Expired, |mut verifier: Verifier| { verifier.validation.validate_exp = false; verifier })]
#[case::begin(BadToken::NotYetValid, |mut verifier: Verifier| { verifier.validation.validate_nbf = false; verifier })]
#[case::role(BadToken::WrongRole, |verifier: Verifier| Verifier { is_role_checked: false, ..verifier })]
#[case::presence_of_expiry(BadToken::MissingExpiry, |verifier: Verifier| verifier.without_required("exp"))]
#[case::presence_of_audience(BadToken::MissingAudience, |verifier: Verifier| verifier.without_required("aud"))]
#[case::presence_of_issuer(BadToken::MissingIssuer, |verifier: Verifier| verifier.without_required("iss"))]
#[case::presence_of_subject(BadToken::MissingSubject, |verifier: Verifier| verifier.without_required("sub"))]
#[case::audience(BadToken::WrongAudience, |mut verifier: Verifier| { verifier.validation.validate_aud = false; verifier })]
#[case::issuer(BadToken::WrongIssuer, |mut verifier: Verifier| { verifier.validation.iss = None; verifier })]
async fn verifier_without_a_check_accepts_only_the_bad_token_of_this_check(
    issuer: &TokenIssuer,
    #[case] kind: BadToken,
    #[case] change: fn(Verifier) -> Verifier,
) -> Result<()> {
    let verifier = change(Verifier::new(issuer).await?);
    assert_eq!(verifier.accepted(issuer), HashSet::from([kind]));
    Ok(())
}

/// The verifier lets the token choose the algorithm, and uses the public key as the secret.
#[integration_test]
async fn verifier_that_trusts_the_algorithm_accepts_only_the_token_signed_with_the_public_key(
    issuer: &TokenIssuer,
) -> Result<()> {
    let mut verifier = Verifier::new(issuer).await?;
    verifier.validation.algorithms = vec![Algorithm::HS256];
    verifier.fixed = Some(DecodingKey::from_secret(issuer.public_key_pem().as_bytes())?);
    assert_eq!(verifier.accepted(issuer), HashSet::from([BadToken::HmacWithPublicKey]));
    Ok(())
}

/// The verifier uses the key that comes with the token.
#[integration_test]
async fn verifier_that_trusts_the_key_in_the_header_accepts_only_the_token_with_a_key(
    issuer: &TokenIssuer,
) -> Result<()> {
    let mut verifier = Verifier::new(issuer).await?;
    let token = customer(issuer).scope("buy").bad(BadToken::EmbeddedKey);
    verifier.fixed = Some(DecodingKey::from_jwk(&decode_header(&token)?.jwk.unwrap())?);
    // The keys of all three are the same one, which the issuer does not publish.
    let forged = HashSet::from([BadToken::EmbeddedKey, BadToken::UnknownKey, BadToken::WrongKey]);
    assert_eq!(verifier.accepted(issuer), forged);
    Ok(())
}

/// The verifier does not check the signature.
#[integration_test]
fn verifier_without_signatures_sees_only_bad_claims(issuer: &TokenIssuer) -> Result<()> {
    let token = customer(issuer).scope("buy");
    for kind in [BadToken::Tampered, BadToken::Truncated, BadToken::WrongKey, BadToken::UnknownKey] {
        let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(token.bad(kind))?;
        let subject = if kind == BadToken::Tampered { "tampered-subject" } else { "ann" };
        assert_eq!((&claims["sub"], &claims["roles"][0]), (&subject.into(), &"customer".into()), "{kind}");
    }
    Ok(())
}
