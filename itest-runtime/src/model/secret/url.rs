//! Secrets in URLs: passwords before the host, and parameters behind the question mark.

use std::ops::Range;

use super::name::{can_be_secret, is_secret_name};
use super::shape::{head, looks_random};

/// Parameters that are secrets although their names do not say so: signatures of links that are signed in advance.
const SIGNATURES: [&str; 7] =
    ["sig", "signature", "x-amz-signature", "x-amz-credential", "x-goog-signature", "x-goog-credential", "auth"];

/// The rest of a longer URL is not looked at: a text of many megabytes may have no blank in it.
const LONGEST_URL: usize = 4_096;

/// The secrets in all URLs of a text.
///
/// Where it is not clear how far a password goes, rather too much is hidden.
pub(super) fn url_secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, separator) in text.match_indices("://") {
        let begin = at + separator.len();
        let text = head(text, begin + LONGEST_URL);
        // What stands around a URL in JSON, Markdown or a list; none of it may be in a URL that is written as it should be.
        let url = begin..end(text, begin, |c: char| c.is_whitespace() || "\"<>`,\\".contains(c));
        found.extend(password(text, &url));
        found.extend(parameters(text, url));
    }
    found
}

fn end(text: &str, begin: usize, is_end: impl Fn(char) -> bool) -> usize {
    text[begin..].find(is_end).map_or(text.len(), |length| begin + length)
}

/// The password before the host, or a token that stands for user and password.
fn password(text: &str, url: &Range<usize>) -> Option<Range<usize>> {
    let authority = url.start..end(&text[..url.end], url.start, |c| "/?#".contains(c));
    if text[authority.clone()].contains('@') {
        // The password itself may have been written with an `@` or a slash in it.
        let at = url.start + text[url.clone()].rfind('@')?;
        return match text[url.start..at].find(':') {
            Some(colon) => Some(url.start + colon + 1..at).filter(|password| !is_placeholder(text, password)),
            None => (at - url.start >= 20 && looks_random(&text[url.start..at])).then_some(url.start..at),
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
    // What is no port begins a password with a slash, a comma or a quote in it, if a host follows before the next blank.
    let word = &text[colon..end(text, colon, char::is_whitespace)];
    word.rfind('@').map(|at| colon + 1..colon + at)
}

/// Whether a URL only shows what one looks like, such as `postgres://user:password@host:5432/database`.
fn is_placeholder(text: &str, password: &Range<usize>) -> bool {
    let (word, behind) = (&text[password.clone()], &text[password.end..]);
    let is_template = word.starts_with('{') && word.ends_with('}');
    let is_word =
        word.eq_ignore_ascii_case("password") && behind.get(..5).is_some_and(|host| host.eq_ignore_ascii_case("@host"));
    is_template || is_word
}

fn parameters(text: &str, url: Range<usize>) -> Vec<Range<usize>> {
    let Some(query) = text[url.clone()].find(['?', '#']).map(|at| url.start + at + 1) else { return Vec::new() };
    let mut found = Vec::new();
    let mut begin = query;
    for parameter in text[query..url.end].split(['&', ';', '#', '?']) {
        if let Some((name, value)) = parameter.split_once('=') {
            let is_signature = SIGNATURES.iter().any(|signature| name.eq_ignore_ascii_case(signature));
            let is_key = name.eq_ignore_ascii_case("key") && value.len() >= 16 && looks_random(value);
            if (is_secret_name(name) || is_signature || is_key) && can_be_secret(name, value) {
                let value_begins = begin + name.len() + 1;
                let value_ends = value_begins + value.trim_end_matches(['.', ')', '\'', ']', '}']).len();
                found.push(value_begins..value_ends);
            }
        }
        begin += parameter.len() + 1;
    }
    found
}
