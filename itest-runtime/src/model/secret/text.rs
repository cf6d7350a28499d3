//! Secrets in any text.

use std::borrow::Cow;
use std::ops::Range;

use super::super::sorting::sort_by_key;
use super::name::{REDACTED, can_be_secret, is_secret_name};
use super::pair::named_secrets;
use super::shape::{json_web_tokens, prefixed_keys, private_keys, scheme_credentials};
use super::url::{is_secret_parameter, url_secrets};

/// Hides the secrets in a text: passwords and signatures in URLs, JSON web tokens, keys of well-known services, private keys, credentials
/// after `Bearer` and `Basic`, and the values of names such as `password`, `token` and `cookie`.
///
/// Secrets are recognized by their shape or name. A secret with an unknown shape and an unknown name is not hidden.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let finders = [private_keys, url_secrets, json_web_tokens, prefixed_keys, scheme_credentials, named_secrets];
    let mut secrets: Vec<Range<usize>> =
        finders.iter().flat_map(|find| find(text)).filter(|range| !range.is_empty()).collect();
    if secrets.is_empty() {
        return text.into();
    }
    sort_by_key(&mut secrets, |range| (range.start, range.end));
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for range in secrets {
        // Several finders may match the same secret. Overlapping ranges are hidden as one.
        if range.start >= end {
            shown.push_str(&text[end..range.start]);
            shown.push_str(REDACTED);
        }
        end = end.max(range.end);
    }
    shown.push_str(&text[end..]);
    shown.into()
}

/// Hides the secrets in the value of a header, column or field. The whole value is hidden if the name is one of a secret.
#[must_use]
pub fn redacted_value<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if is_secret_name(name) && can_be_secret(name, value) { REDACTED.into() } else { redacted(value) }
}

/// Hides the secrets in the value of a parameter of a query or a form, such as the signature of a presigned link.
#[must_use]
pub fn redacted_parameter<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if is_secret_parameter(name, value) { REDACTED.into() } else { redacted(value) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r";

    /// Texts with `§` in the place of the secret.
    const WITH_SECRET: [&str; 63] = [
        // URLs.
        "--history-url postgres://team:§@db/itest",
        "postgres://team:§@db/itest and more",
        "redis://:§@cache:6379/0",
        "\"amqp://guest:§@localhost:5672/%2f\"",
        "see https://example.com/a?token=§&page=2",
        "https://example.com/a?page=2&access_token=§",
        "https://bucket.s3.amazonaws.com/k?X-Amz-Signature=§&X-Amz-Expires=60",
        "https://x.blob.core.windows.net/c?sv=2020&sig=§",
        "https://h/cb?client_secret=§",
        "postgres://db/itest?password=§&sslmode=require",
        // Headers, as clients and proxies print them.
        "> authorization: Bearer §",
        "Authorization: Basic §",
        "Authorization: §",
        "< set-cookie: §",
        "Cookie: §",
        "X-Api-Key: §",
        "> x-csrf-token: §",
        "proxy-authorization: Digest §",
        "{\"authorization\": \"§\", \"accept\": \"*/*\"}",
        // Fields in JSON, in Rust's debug output, in escaped JSON, in TOML.
        "{\"password\":\"§\"}",
        "{\"a\":1,\"refreshToken\" : \"§\"}",
        "{'api_key': '§'}",
        "User { name: \"ann\", password: \"§\" }",
        "Config { token: Some(\"§\") }",
        "Config { secret: Secret(\"§\"), port: 80 }",
        "left: \"{\\\"token\\\":\\\"§\\\"}\"",
        "password = \"§\"",
        "client-secret = '§'",
        "    session_id: \"§\",",
        "(access_token: \"§\")",
        "credentials: \"§\"",
        // Variables, connection strings, command lines.
        "PGPASSWORD=§ psql",
        "host=db user=ann password=§ dbname=x",
        "Server=db;Password=§;Database=x",
        "docker run -e MYSQL_ROOT_PASSWORD=§ mariadb",
        "curl --token=§ http://h",
        "AWS_SECRET_ACCESS_KEY=§",
        "export GITHUB_TOKEN=§",
        "ALTER ROLE ann PASSWORD '§'",
        "CREATE USER ann IDENTIFIED BY '§'",
        // Sentences.
        "cannot log in with token: §",
        "the private key -----BEGIN PRIVATE KEY-----§-----END PRIVATE KEY----- is too short",
        "-----BEGIN RSA PRIVATE KEY-----§",
        "got `Bearer §`, expected none",
        "invalid header Basic §",
        // Secrets with a known shape, in any surroundings.
        "§",
        "left: \"§\"",
        "token §.",
        "id=§&x=1",
        "[§]",
        "key § was refused",
        "(§)",
        "a,§,b",
        "/path/§/x",
        "x §\ny",
        "{\"note\":\"§\"}",
        "Some(§)",
        "'§'",
        "<§>",
        "§ §",
        "`§`",
        "e: §",
        "=§",
    ];

    /// Secrets that are recognized by the text around them.
    const PLAIN: [&str; 6] = ["hunter2", "s3cret", "abc123def456", "12ab34cd", "correct7horse", "p4ssw0rd"];

    /// Secrets that are recognized by their own shape.
    const SHAPED: [&str; 6] = [
        JWT,
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "xoxb-123456789012-abcdefABCDEF",
        "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "glpat-a1B2c3D4e5F6g7H8i9J0",
    ];

    #[test]
    fn only_the_secret_is_hidden_in_every_context() {
        let by_itself = WITH_SECRET.iter().position(|text| *text == "§").unwrap();
        for (position, text) in WITH_SECRET.iter().enumerate() {
            let plain = if text.contains("Basic") { &["YW5uOmh1bnRlcjI="][..] } else { &PLAIN };
            let secrets = if position < by_itself { plain } else { &SHAPED };
            for secret in secrets {
                let (given, expected) = (text.replace('§', secret), text.replace('§', "***"));
                assert_eq!(redacted(&given), expected, "{given}");
            }
            // A JSON web token, which has dots, must be hidden in URLs and quotes as well.
            if text.contains("token=§") || text.contains("\"§\"") {
                assert!(!redacted(&text.replace('§', JWT)).contains("eyJ"), "{text}");
            }
        }
    }

    #[test]
    fn ordinary_word_under_a_secret_name_is_hidden() {
        for (given, shown) in [
            ("{\"password\":\"secret\"}", "{\"password\":\"***\"}"),
            ("{\"pass\\\"word\": 1, \"token\":\"a\\\"b\"}", "{\"pass\\\"word\": 1, \"token\":\"***\"}"),
            ("postgres://team:secret@db/x", "postgres://team:***@db/x"),
            ("X=postgres://team:se/cr@et@db/itest and", "X=postgres://team:***@db/itest and"),
            ("a://u:it's,a\"b@h/x b://u:p@h", "a://u:***@h/x b://u:***@h"),
            ("postgres://[::1]:5432/x?password=a", "postgres://[::1]:5432/x?password=***"),
            ("https://ghx0123456789abcdefghij@github.com/a", "https://***@github.com/a"),
            ("Password=secret;", "Password=***;"),
            ("Cookie: sid=secret; theme=dark", "Cookie: ***"),
            ("Authorization: Digest username=\"ann\"", "Authorization: Digest ***"),
            ("PASSWORD 'secret'", "PASSWORD '***'"),
            ("token=a, token=b", "token=***, token=***"),
            ("token: \"never closed", "token: \"***"),
            (
                "-----BEGIN EC PRIVATE KEY-----\nMHc\nab\n-----END EC PRIVATE KEY-----\nx",
                "-----BEGIN EC PRIVATE KEY-----***-----END EC PRIVATE KEY-----\nx",
            ),
        ] {
            assert_eq!(redacted(given), shown);
        }
    }

    /// Errors, logs, code and sentences that contain secret words but no secrets.
    const ORDINARY: [&str; 81] = [
        "",
        "assertion `left == right` failed\n  left: 1\n right: 2",
        "unexpected token: `}` at line 3",
        "unexpected token \"}\"",
        "unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
        "unexpected token: \"}\", expected \";\"",
        "invalid token: expected `;`",
        "token: expired",
        "the token is missing",
        "password: must be at least 8 characters",
        "password is required",
        "a password of 12 characters, and a token",
        "authorization failed: user ann may not read orders",
        "authorization: required",
        "Authorization: required today",
        "Basic authentication failed",
        "Basic Authentication",
        "Bearer authentication is required",
        "Bearer token is missing",
        "WWW-Authenticate: Bearer realm=\"shop\", error=\"invalid_request\"",
        "{\"token_type\":\"bearer\",\"expires_in\":3600}",
        "{\"usage\":{\"total_tokens\":17}}",
        "max_tokens=4096",
        "max_tokens: 4096",
        "{\"password\":null,\"has_token\":true}",
        "password=",
        "password=***",
        "--token=<TOKEN>",
        "PASSWORD=$SECRET",
        "password={password}",
        "if token == other { return }",
        "token != expected",
        "password => hash",
        "let token = next_token();",
        "token::parse(input)",
        "use crate::secret::Secret;",
        "fn login(password: &str, token: Option<String>) -> Cookie",
        "    cookie: String,",
        "struct Login { password: String }",
        "PWD=/home/ann OLDPWD=/tmp",
        "docker exec -it a sh -c 'mariadb --user=root --password=\"$MYSQL_ROOT_PASSWORD\" shop'",
        "PGPASSWORD=${DB_PASSWORD} psql shop",
        "the cookie banner: \"accept all\"",
        "secretary: Ann",
        "the secret of success: work",
        "tokenizer=word",
        "primary key: \"id\"",
        "key: \"value\"",
        "keys: [\"a\", \"b\"]",
        "session: 7, sessions: \"two\"",
        "POST http://127.0.0.1:8080/login",
        "GET http://127.0.0.1:8080/users/@me?page=2",
        "http://localhost:8080/@scope/package@1.2.3",
        "https://example.com/a?key=name&sort=asc",
        "https://example.com/search?q=token",
        "postgres://ann@db:5432/itest",
        "postgres://127.0.0.1/postgres",
        "it looks like postgres://user:password@host:5432/database",
        "postgres://{user}:{password}@{host}/x",
        "http://[::1]:8080/a",
        "mailto:ann@example.com, ann@example.com: no such user",
        "brokers: http://a:9092,http://b:9092 from ann@example.com",
        "{\"url\":\"http://host:8080\",\"email\":\"ann@example.com\"}",
        "{\"url\":\"http://host\",\"email\":\"a:b@example.com\"}",
        "tests/orders.rs:31:14",
        "orders::pay::case_2",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "id 67e55044-10b1-426f-9247-bb680e5fe0c8",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "2026-12-31T23:59:59Z took 1.5s",
        "eyJ is how a JSON web token begins",
        "AKIA is a prefix",
        "the risk_live_update_of_everything",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "tok_visa was charged once",
        "SELECT * FROM tokens WHERE id = 7",
        "INSERT INTO cookies (name) VALUES ('oatmeal')",
        "did not end within 60s",
        "cargo test -p shop --test integration -- --exact orders::pay --seed 7304313103",
        "left behind: process 4711 (sleep 300), port 127.0.0.1:8080",
    ];

    #[test]
    fn text_without_secrets_is_unchanged() {
        for text in ORDINARY {
            assert_eq!(redacted(text), text);
            // The text is also unchanged in quotes, in a list, and after a word.
            for around in [format!("left: {text:?}"), format!("[{text}, x]"), format!("failed: {text}")] {
                assert_eq!(redacted(&around), around);
            }
        }
    }

    #[test]
    fn long_text_without_spaces_is_redacted_in_linear_time() {
        let one = "{\"url\":\"http://host:8080/a?b=c\",\"token\":\"x\",token:a,eyJ,-----BEGIN ,";
        let began = std::time::Instant::now();
        assert!(redacted(&one.repeat(10_000)).len() > 600_000);
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }

    fn any_word() -> impl Strategy<Value = String> {
        let words = [
            "the",
            "token",
            "password",
            "is",
            "a",
            "user",
            "Bearer",
            "Basic",
            "cookie",
            "failed:",
            "expected",
            "secret",
            "with",
            "order",
            "of",
            "session",
            "key",
            "and",
            "Authorization",
            "required",
            "missing",
            "http://127.0.0.1:8080/a",
            "7",
            "not",
            "orders::pay",
            "a@b.example",
            "(api)",
            "[id]",
            "1.5s",
            "=",
            ":",
            "->",
            "\n",
            "tests/a.rs:3:1",
            "credential",
        ];
        prop::sample::select(words.to_vec()).prop_map(str::to_owned)
    }

    proptest! {
        /// A sentence about tokens and passwords is not mistaken for a secret.
        #[test]
        fn sentence_about_secrets_is_unchanged(words in prop::collection::vec(any_word(), 0..12)) {
            let text = words.join(" ");
            prop_assert_eq!(redacted(&text), text.as_str());
        }

        /// The finders slice texts at many positions. No position may be inside a character, because slicing would panic.
        #[test]
        fn redacting_any_text_does_not_panic(text in "(token|password|://|Bearer |eyJ|=|:|\"|'|\\\\|@|/|\\?|[a-z0-9é\n ]|-----BEGIN |PRIVATE KEY-----){0,30}") {
            let _ = redacted(&text);
        }

        #[test]
        fn secret_is_hidden_in_any_surroundings(before in "[ -~é\n]{0,20}", behind in "[ -~é\n]{0,20}", secret in 0..SHAPED.len()) {
            let secret = SHAPED[secret];
            let text = format!("{before} {secret} {behind}");
            prop_assert!(!redacted(&text).contains(secret), "{text}");
        }
    }
}
