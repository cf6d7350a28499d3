//! Secrets in URLs: passwords before the host, and parameters after the question mark.

use std::ops::Range;

use super::name::{can_be_secret, is_secret_name};
use super::shape::{head, is_likely_random};

/// Parameters that are secrets although their names are not in the list of secret words, such as the signatures of presigned links.
const SIGNATURES: [&str; 7] =
    ["sig", "signature", "x-amz-signature", "x-amz-credential", "x-goog-signature", "x-goog-credential", "auth"];

/// The maximum length of a URL in bytes. The rest of a longer URL is not searched, because a text of many megabytes may have no space.
const MAX_URL_BYTES: usize = 4_096;

/// The positions of the secrets in all URLs of a text.
///
/// If the end of a password is ambiguous, the longer range is hidden.
pub(super) fn url_secrets(text: &str) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    for (at, separator) in text.match_indices("://") {
        let begin = at + separator.len();
        let text = head(text, begin + MAX_URL_BYTES);
        // These characters surround URLs in JSON, Markdown and lists. A valid URL contains none of them.
        let url = begin..end(text, begin, |c: char| c.is_whitespace() || "\"<>`,\\".contains(c));
        secrets.extend(password(text, &url));
        secrets.extend(parameters(text, url));
    }
    secrets
}

fn end(text: &str, begin: usize, is_end: impl Fn(char) -> bool) -> usize {
    text[begin..].find(is_end).map_or(text.len(), |length| begin + length)
}

/// The password before the host, or a token in place of user and password.
fn password(text: &str, url: &Range<usize>) -> Option<Range<usize>> {
    let authority = url.start..end(&text[..url.end], url.start, |c| "/?#".contains(c));
    if text[authority.clone()].contains('@') {
        // The password itself may contain an unescaped `@` or slash.
        let at = url.start + text[url.clone()].rfind('@')?;
        return match text[url.start..at].find(':') {
            Some(colon) => Some(url.start + colon + 1..at).filter(|password| !is_placeholder(text, password)),
            None => (at - url.start >= 20 && is_likely_random(&text[url.start..at])).then_some(url.start..at),
        };
    }
    let host = if text[authority.clone()].starts_with('[') {
        text[authority.clone()].find(']').map_or(0, |bracket| bracket + 1)
    } else {
        0
    };
    let colon = authority.start + host + text[authority.start + host..authority.end].find(':')?;
    let is_port = text[colon + 1..authority.end].bytes().all(|byte| byte.is_ascii_digit());
    if is_port {
        return None;
    }
    // The text after the colon is not a port. If a host follows before the next space, the text is a password with a slash, a comma or a
    // quote in it.
    let word = &text[colon..end(text, colon, char::is_whitespace)];
    word.rfind('@').map(|at| colon + 1..colon + at)
}

/// Whether a URL is only an example, such as `postgres://user:password@host:5432/database`.
fn is_placeholder(text: &str, password: &Range<usize>) -> bool {
    let (word, behind) = (&text[password.clone()], &text[password.end..]);
    let is_template = word.starts_with('{') && word.ends_with('}');
    let is_word =
        word.eq_ignore_ascii_case("password") && behind.get(..5).is_some_and(|host| host.eq_ignore_ascii_case("@host"));
    is_template || is_word
}

/// Whether the value of a parameter of a URL is a secret.
pub(super) fn is_secret_parameter(name: &str, value: &str) -> bool {
    let is_signature = SIGNATURES.iter().any(|signature| name.eq_ignore_ascii_case(signature));
    let is_key = name.eq_ignore_ascii_case("key") && value.len() >= 16 && is_likely_random(value);
    (is_secret_name(name) || is_signature || is_key) && can_be_secret(name, value)
}

fn parameters(text: &str, url: Range<usize>) -> Vec<Range<usize>> {
    let Some(query) = text[url.clone()].find(['?', '#']).map(|at| url.start + at + 1) else { return Vec::new() };
    let mut secrets = Vec::new();
    let mut begin = query;
    for parameter in text[query..url.end].split(['&', ';', '#', '?']) {
        if let Some((name, value)) = parameter.split_once('=')
            && is_secret_parameter(name, value)
        {
            let value_begins = begin + name.len() + 1;
            let value_ends = value_begins + value.trim_end_matches(['.', ')', '\'', ']', '}']).len();
            secrets.push(value_begins..value_ends);
        }
        begin += parameter.len() + 1;
    }
    secrets
}
