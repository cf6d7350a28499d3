//! The names of secrets, for fields, headers, columns, variables and parameters.

/// The replacement for a secret.
pub(super) const REDACTED: &str = "***";

/// Words that make the value of a name a secret, if a word of the name ends with one of them.
const SECRET_WORDS: [&str; 23] = [
    "token",
    "authorization",
    "authorisation",
    "cookie",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "credential",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
    "accountkey",
    "signingkey",
    "encryptionkey",
    "sessionid",
    "sessionkey",
    "sessid",
    "sharedkey",
    "clientsecret",
    "pwd",
];

/// Last words of names that contain a secret word but whose values are not secret.
const HARMLESS_ENDINGS: [&str; 38] = [
    "type",
    "kind",
    "count",
    "length",
    "len",
    "size",
    "expires",
    "expired",
    "expiry",
    "expiration",
    "at",
    "in",
    "ttl",
    "age",
    "url",
    "uri",
    "endpoint",
    "path",
    "file",
    "dir",
    "policy",
    "limit",
    "limits",
    "required",
    "changed",
    "algorithm",
    "budget",
    "usage",
    "used",
    "name",
    "max",
    "min",
    "format",
    "strength",
    "attempts",
    "enabled",
    "valid",
    "ms",
];

/// Endings that may follow a secret word directly, as in `passwordhash`.
const GLUED_ENDINGS: [&str; 7] = ["value", "string", "text", "hash", "data", "id", "key"];

/// Whether the value of this name is a secret. Case and punctuation do not matter: `X-Api-Key`, `apiKey` and `API_KEY` are equal.
pub(super) fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else { return false };
    if HARMLESS_ENDINGS.contains(&last.as_str()) {
        return false;
    }
    let pairs = words.windows(2).map(<[String]>::concat);
    // `PWD` alone is the working directory.
    words.iter().any(|word| is_secret_word(word) && (words.len() > 1 || word != "pwd"))
        || pairs.into_iter().any(|pair| is_secret_word(&pair))
}

/// Whether a number of this name is a count, as in `max_tokens`.
pub(super) fn is_count_name(name: &str) -> bool {
    words(name).iter().any(|word| word == "tokens")
}

/// Whether a value can be a secret. Empty values, booleans, nulls, counts and references to variables cannot.
pub(super) fn can_be_secret(name: &str, value: &str) -> bool {
    let is_word =
        ["true", "false", "null", "none", "nil", "undefined"].iter().any(|word| value.eq_ignore_ascii_case(word));
    let is_count = is_count_name(name) && value.bytes().all(|byte| byte.is_ascii_digit());
    !value.is_empty() && !is_word && !is_count && !is_reference(value) && !value.starts_with(REDACTED)
}

/// Whether a value is a shell reference to a variable with a secret name, as in `--password="$MYSQL_ROOT_PASSWORD"`.
fn is_reference(value: &str) -> bool {
    let Some(name) = value.strip_prefix('$') else { return false };
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    let is_variable = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    is_variable && name.contains('_') && is_secret_name(name)
}

fn is_secret_word(word: &str) -> bool {
    let word = word.strip_suffix('s').unwrap_or(word);
    SECRET_WORDS.iter().any(|secret| {
        // `OLDPWD` is a directory.
        let is_end = word.ends_with(secret) && (*secret != "pwd" || word == *secret);
        let is_beginning = word.strip_prefix(secret).is_some_and(|rest| GLUED_ENDINGS.contains(&rest));
        is_end || is_beginning
    })
}

/// The words of a name, in lower case: `refreshToken2` has the words `refresh` and `token`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_ascii_alphabetic() {
            let begins_camel_case_word = character.is_ascii_uppercase()
                && (before.is_ascii_lowercase()
                    || before.is_ascii_uppercase() && characters.peek().is_some_and(char::is_ascii_lowercase));
            match words.last_mut().filter(|_| before.is_ascii_alphabetic() && !begins_camel_case_word) {
                Some(word) => word.push(character.to_ascii_lowercase()),
                None => words.push(character.to_ascii_lowercase().to_string()),
            }
        }
        before = character;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::redacted_value;

    #[test]
    fn secret_names_are_recognized_in_every_spelling() {
        for name in [
            "password",
            "Password",
            "PASSWORD",
            "passwords",
            "passwd",
            "db_password",
            "userPassword",
            "dbpassword",
            "PGPASSWORD",
            "MYSQL_PWD",
            "db_pwd",
            "passphrase",
            "password2",
            "password_hash",
            "passwordHash",
            "token",
            "access_token",
            "accessToken",
            "refreshToken",
            "id_token",
            "csrf-token",
            "X-CSRF-Token",
            "X-Amz-Security-Token",
            "authtoken",
            "tokenValue",
            "tokens",
            "token_id",
            "authorization",
            "Authorization",
            "Proxy-Authorization",
            "cookie",
            "Set-Cookie",
            "sessionCookie",
            "secret",
            "client_secret",
            "clientSecret",
            "secrets",
            "webhook.secret",
            "api_key",
            "apiKey",
            "API-KEY",
            "X-Api-Key",
            "apikey",
            "apikeys",
            "XApiKey",
            "APIKey",
            "credential",
            "credentials",
            "aws_credentials",
            "private_key",
            "privateKey",
            "PrivateKey",
            "private key",
            "session_id",
            "sessionId",
            "JSESSIONID",
            "PHPSESSID",
            "aws_secret_access_key",
            "AWS_ACCESS_KEY_ID",
            "signing_key",
            "encryption_key",
            "secretKey",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_not_secret() {
        for name in [
            "",
            "_",
            "id",
            "name",
            "user",
            "email",
            "key",
            "keys",
            "keyboard",
            "monkey",
            "primary_key",
            "foreign key",
            "session",
            "sessions",
            "pass",
            "passed",
            "passenger",
            "compass",
            "PWD",
            "pwd",
            "OLDPWD",
            "author",
            "authority",
            "authorized",
            "secretary",
            "tokenizer",
            "tokenize",
            "token_type",
            "tokenType",
            "token_expires_at",
            "expires_in",
            "token_count",
            "password_changed",
            "password_policy",
            "password_length",
            "cookie_name",
            "cookie_policy",
            "secret_name",
            "token_url",
            "credential_type",
            "private",
            "public_key",
            "publicKey",
            "api",
            "api_version",
            "access",
            "hash",
            "signature",
            "état",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn value_that_cannot_be_a_secret_is_not_hidden() {
        for (name, value) in [("password", ""), ("password", "null"), ("has_token", "true"), ("max_tokens", "4096")] {
            assert_eq!(redacted_value(name, value), value);
        }
        assert_eq!(redacted_value("password", "${DB_PASSWORD}"), "${DB_PASSWORD}");
        assert_eq!(redacted_value("password", "$ECRET"), REDACTED);
        assert_eq!(redacted_value("password", "1234"), REDACTED);
        assert_eq!(redacted_value("tokens", "a1"), REDACTED);
        assert_eq!(redacted_value("note", "Bearer abc.def-123456"), "Bearer ***");
    }
}
