//! Secrets that are recognized by the name before them: `password=x`, `"token": "x"`, `Cookie: a=x`.

use std::ops::Range;

use super::name::{can_be_secret, is_secret_name};
use super::shape::{head, is_likely_random};

/// The maximum length of a header line.
const MAX_LINE_BYTES: usize = 16_384;

/// The maximum length of the name of a type that wraps a secret, as in `Some("x")`.
const MAX_WRAPPER_BYTES: usize = 64;

/// The schemes of the header `Authorization` that credentials follow.
const SCHEMES: [&str; 9] =
    ["bearer", "basic", "digest", "token", "apikey", "negotiate", "hawk", "aws4-hmac-sha256", "dpop"];

/// The positions of the values of all secret names in a text.
pub(super) fn named_secrets(text: &str) -> Vec<Range<usize>> {
    let separators = text.match_indices(['=', ':']);
    let mut secrets: Vec<_> = separators.filter_map(|(at, separator)| secret_value(text, at, separator)).collect();
    secrets.extend(sql_passwords(text));
    secrets
}

/// The name before a separator.
struct Name<'t> {
    text: &'t str,
    /// Whether the name is in quotes, as in JSON.
    is_quoted: bool,
    before: Before,
    /// Whether spaces separate the name from the separator.
    is_spaced: bool,
}

/// The text before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The name is the first word of its line. Only a margin may stand before it.
    Margin,
    /// A bracket or a comma stands before the name, so that it is the name of a field.
    Field,
    /// Other text stands before the name, so that it may be a word of a sentence.
    Text,
}

/// The position of the value after a separator, if the name before it is the name of a secret.
fn secret_value(text: &str, at: usize, separator: &str) -> Option<Range<usize>> {
    let behind = &text[at + 1..];
    if text[..at].ends_with(['=', '!', '<', '>', ':', '+', '-', '*', '/']) || behind.starts_with(['=', '>', ':']) {
        return None;
    }
    let name = name_before(text, at).filter(|name| is_secret_name(name.text))?;
    let spaces = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    let begin = at + 1 + spaces;
    let value = &text[begin..];
    let range = if let Some(quoted) = quoted(value) {
        let is_value = name.is_quoted
            || separator == "="
            || name.before != Before::Text
            || is_likely_random(&value[quoted.clone()]);
        is_value.then_some(quoted)
    } else if separator == "=" && spaces == 0 && !name.is_spaced {
        Some(0..value.find(|c: char| c.is_whitespace() || "&;,)]}\"'<>`\\".contains(c)).unwrap_or(value.len()))
            .filter(|_| !value.starts_with(['<', '{', '$', '%', '(', '[', '*']))
    } else {
        unquoted(&name, separator, value)
    }?;
    let range = begin + range.start..begin + range.end;
    can_be_secret(name.text, &text[range.clone()]).then_some(range)
}

fn name_before(text: &str, at: usize) -> Option<Name<'_>> {
    let before = text[..at].trim_end_matches([' ', '\t']);
    let is_spaced = before.len() < at;
    let unquoted = before.trim_end_matches(['"', '\'', '\\']);
    let is_quoted = unquoted.len() < before.len();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let begin = unquoted
        .rfind(|c: char| !is_of_name(c))
        .map_or(0, |place| place + unquoted[place..].chars().next().map_or(1, char::len_utf8));
    let text = &unquoted[begin..];
    if text.is_empty() {
        return None;
    }
    let ahead = unquoted[..begin].trim_end_matches(['"', '\'', '\\', ' ', '\t']);
    let margin = ahead.trim_end_matches([' ', '\t', '>', '<', '|', '*', '+', '-', '~']);
    let before = if margin.is_empty() || margin.ends_with('\n') {
        Before::Margin
    } else if ahead.ends_with(['{', '(', '[', ',', ';', '&', '?', '|']) {
        Before::Field
    } else {
        Before::Text
    };
    Some(Name { text, is_quoted, before, is_spaced })
}

/// The text inside the quotes of a value. The quotes may be escaped, and a wrapper such as `Some(` may stand before them.
fn quoted(value: &str) -> Option<Range<usize>> {
    let wrapped = head(value, MAX_WRAPPER_BYTES)
        .find('(')
        .filter(|open| value[..*open].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let before = wrapped.map_or(0, |open| open + 1);
    let escapes = value[before..].len() - value[before..].trim_start_matches('\\').len();
    let quote = value[before + escapes..].chars().next().filter(|c| "\"'`".contains(*c))?;
    let begin = before + escapes + 1;
    let closing = format!("{}{quote}", "\\".repeat(escapes));
    let mut from = begin;
    loop {
        let Some(end) = value[from..].find(&closing).map(|end| from + end) else { return Some(begin..value.len()) };
        // A quote after more backslashes than the opening quote has is a part of the value.
        if !value[begin..end].ends_with('\\') {
            return Some(begin..end);
        }
        from = end + closing.len();
    }
}

/// A value without quotes, as in headers and lists of settings.
fn unquoted(name: &Name<'_>, separator: &str, value: &str) -> Option<Range<usize>> {
    let header = name.text.to_ascii_lowercase();
    let begins_header = name.before == Before::Margin && separator == ":" && !name.is_spaced;
    if begins_header && header.ends_with("cookie") && line(value).contains('=') {
        return Some(0..line(value).len());
    }
    if begins_header && header.ends_with("authorization") {
        let line = line(value);
        let (scheme, credentials) = line.split_once(' ').unwrap_or(("", line));
        let is_scheme = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let is_secret = is_scheme || credentials.split(' ').any(is_likely_random);
        // The scheme stays visible.
        return is_secret.then_some(line.len() - credentials.len()..line.len());
    }
    let length = value.find(|c: char| c.is_whitespace() || ",;)}]\"'`".contains(c)).unwrap_or(value.len());
    let ends_line = value[length..].is_empty() || value[length..].starts_with(['\n', '\r']);
    let is_header = begins_header && ends_line && name.text.contains('-');
    (is_header || is_likely_random(&value[..length])).then_some(0..length)
}

fn line(value: &str) -> &str {
    let value = head(value, MAX_LINE_BYTES);
    &value[..value.find(['\n', '\r']).unwrap_or(value.len())]
}

/// The positions of passwords in SQL: `PASSWORD 'x'` and `IDENTIFIED BY 'x'`.
fn sql_passwords(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut secrets = Vec::new();
    for words in ["password '", "identified by '"] {
        for (at, _) in lower.match_indices(words) {
            let begin = at + words.len();
            let value = head(&text[begin..], MAX_LINE_BYTES);
            let length = value.find('\'').unwrap_or(0);
            secrets.push(begin..begin + length);
        }
    }
    secrets
}
