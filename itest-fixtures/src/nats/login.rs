//! How a client logs in: with a user and a password, or with a token, which stands in the place of the user in a URL.

use serde_json::{Map, Value, json};

use crate::service::Login;

/// The members of `CONNECT` with which a client logs in.
const LOGIN: [&str; 6] = ["auth_token", "jwt", "nkey", "pass", "sig", "user"];

/// The options of itest's own `CONNECT`, as JSON.
pub(super) fn connect_options(login: Option<&Login>) -> String {
    let options = json!({
        "verbose": false, "pedantic": false, "headers": true, "lang": "rust", "name": "itest",
        "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "no_responders": false,
    });
    login.map_or_else(|| options.to_string(), |login| with_login(options.clone(), login).to_string())
}

/// The options of a client's `CONNECT` with this login added. `None` if the client sends a login of its own, or if the text is no JSON.
pub(super) fn log_in_client(options: &str, login: &Login) -> Option<String> {
    let options: Map<String, Value> = serde_json::from_str(options).ok()?;
    let has = |name: &&str| options.get(*name).is_some_and(|value| !value.is_null() && value != "");
    if LOGIN.iter().any(has) {
        return None;
    }
    Some(with_login(options.into(), login).to_string())
}

fn with_login(mut options: Value, Login { user, password }: &Login) -> Value {
    match password {
        None => options["auth_token"] = json!(user),
        Some(password) => (options["user"], options["pass"]) = (json!(user), json!(password)),
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_without_credentials_is_logged_in() {
        let login =
            |user: &str, password: Option<&str>| Login { user: user.to_owned(), password: password.map(str::to_owned) };
        let user = login("u", Some("p"));
        let logged_in = log_in_client(r#"{"verbose":true,"user":null,"pass":""}"#, &user).unwrap();
        let options: Value = serde_json::from_str(&logged_in).unwrap();
        assert_eq!(options, json!({"verbose": true, "user": "u", "pass": "p"}));
        for options in [r#"{"user":"other","pass":"q"}"#, r#"{"nkey":"U"}"#, "no JSON"] {
            assert_eq!(log_in_client(options, &user), None, "{options}");
        }
        assert_eq!(log_in_client("{}", &login("t", None)).as_deref(), Some(r#"{"auth_token":"t"}"#));
    }
}
