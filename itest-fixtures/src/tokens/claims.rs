//! The claims of a good token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::random::random_id;

/// The time for which a token is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Validity {
    pub(super) now: u64,
    pub(super) lifetime: u64,
}

impl Validity {
    pub(super) fn from_now(lifetime: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { now, lifetime: lifetime.as_secs() }
    }
}

/// The claims that a test wants in its tokens.
#[derive(Clone)]
pub(super) struct Claims {
    pub(super) issuer: String,
    /// Claims that the test sets. They replace the standard ones.
    pub(super) set: Map<String, Value>,
    pub(super) removed: Vec<String>,
    pub(super) roles: Vec<String>,
    /// The JSON pointer of the roles.
    pub(super) roles_pointer: String,
    pub(super) scopes: Vec<String>,
}

impl Claims {
    pub(super) fn new(issuer: String) -> Self {
        let (removed, roles, scopes) = (Vec::new(), Vec::new(), Vec::new());
        Self { issuer, set: Map::new(), removed, roles, roles_pointer: "/roles".to_owned(), scopes }
    }

    /// The claims of a token that is valid from now on, as a JSON object.
    pub(super) fn to_json(&self, validity: Validity) -> Value {
        let Validity { now, lifetime } = validity;
        let standard: [(&str, Value); 7] = [
            ("iss", self.issuer.clone().into()),
            ("sub", "test-subject".into()),
            ("aud", "test-audience".into()),
            ("exp", now.saturating_add(lifetime).into()),
            ("iat", now.into()),
            ("nbf", now.into()),
            ("jti", random_id().into()),
        ];
        let mut claims: Map<String, Value> =
            standard.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !self.scopes.is_empty() {
            claims.insert("scope".to_owned(), self.scopes.join(" ").into());
        }
        claims.extend(self.set.clone());
        let mut claims = Value::Object(claims);
        if !self.roles.is_empty() {
            let roles = place_at(&mut claims, &self.roles_pointer);
            let mut all = roles.as_array().cloned().unwrap_or_default();
            all.extend(self.roles.iter().map(|role| Value::from(role.as_str())));
            *roles = all.into();
        }
        for name in &self.removed {
            claims.as_object_mut().and_then(|claims| claims.remove(name));
        }
        claims
    }
}

/// The value at a JSON pointer (RFC 6901). Objects on the way to it are created.
fn place_at<'v>(value: &'v mut Value, pointer: &str) -> &'v mut Value {
    let mut place = value;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name.replace("~1", "/").replace("~0", "~")];
    }
    place
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const VALIDITY: Validity = Validity { now: 1_000, lifetime: 60 };

    fn claims() -> Claims {
        Claims::new("http://issuer".to_owned())
    }

    #[test]
    fn standard_claims_are_set_and_can_be_replaced_and_removed() {
        let mut claims = claims();
        claims.set.insert("aud".to_owned(), json!(["shop", "bank"]));
        claims.removed.push("jti".to_owned());
        let expected = json!({
            "iss": "http://issuer", "sub": "test-subject", "aud": ["shop", "bank"], "exp": 1_060, "iat": 1_000, "nbf": 1_000,
        });
        assert_eq!(claims.to_json(VALIDITY), expected);
    }

    #[test]
    fn roles_are_added_at_their_pointer_beside_those_of_the_claim() {
        let mut claims = claims();
        claims.set.insert("realm_access".to_owned(), json!({"roles": ["reader"], "other": 1}));
        claims.roles_pointer = "/realm_access/roles".to_owned();
        claims.roles = vec!["admin".to_owned()];
        let json = claims.to_json(VALIDITY);
        assert_eq!(json["realm_access"], json!({"roles": ["reader", "admin"], "other": 1}));
    }

    #[test]
    fn scopes_are_one_text() {
        let mut claims = claims();
        claims.scopes = vec!["read".to_owned(), "write".to_owned()];
        assert_eq!(claims.to_json(VALIDITY)["scope"], "read write");
    }

    #[test]
    fn every_token_has_another_id() {
        assert_ne!(claims().to_json(VALIDITY)["jti"], claims().to_json(VALIDITY)["jti"]);
    }

    proptest! {
        #[test]
        fn value_is_read_where_it_was_written(names in prop::collection::vec("[a-z/~.:]{0,6}", 1..4)) {
            let escaped: Vec<String> = names.iter().map(|name| name.replace('~', "~0").replace('/', "~1")).collect();
            let pointer = format!("/{}", escaped.join("/"));
            let mut value = json!({});
            *place_at(&mut value, &pointer) = 7.into();
            prop_assert_eq!(value.pointer(&pointer), Some(&json!(7)));
            let read = names.iter().fold(&value, |value, name| &value[name]);
            prop_assert_eq!(read, &json!(7));
        }
    }
}
