//! Secrets that are known by the name before them: `password=x`, `"token": "x"`, `Cookie: a=x`.

use std::ops::Range;

use super::name::{can_be_secret, is_secret_name};
use super::shape::{head, looks_random};

/// The longest line that a header may have.
const LONGEST_LINE: usize = 16_384;

/// The longest name of a type that a secret may be wrapped in, as in `Some("x")`.
const LONGEST_WRAPPER: usize = 64;

/// The schemes of the header `Authorization` behind which credentials stand.
const SCHEMES: [&str; 9] =
    ["bearer", "basic", "digest", "token", "apikey", "negotiate", "hawk", "aws4-hmac-sha256", "dpop"];

/// The values of all names in a text that are names of secrets.
pub(super) fn named_secrets(text: &str) -> Vec<Range<usize>> {
    let separators = text.match_indices(['=', ':']);
    let mut found: Vec<_> = separators.filter_map(|(at, separator)| value_behind(text, at, separator)).collect();
    found.extend(sql_passwords(text));
    found
}

/// A name as it stands before its separator.
struct Name<'t> {
    text: &'t str,
    /// It stands in quotes, as a name in JSON.
    is_quoted: bool,
    before: Before,
    /// A blank stands between it and the separator.
    is_apart: bool,
}

/// What stands before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing on its line but a margin.
    Margin,
    /// A bracket or a comma, so that it is the name of a field.
    Field,
    /// Something else, so that it may be a word of a sentence.
    Text,
}

fn value_behind(text: &str, at: usize, separator: &str) -> Option<Range<usize>> {
    let behind = &text[at + 1..];
    if text[..at].ends_with(['=', '!', '<', '>', ':', '+', '-', '*', '/']) || behind.starts_with(['=', '>', ':']) {
        return None;
    }
    let name = name_before(text, at).filter(|name| is_secret_name(name.text))?;
    let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    let begin = at + 1 + blanks;
    let value = &text[begin..];
    let range = if let Some(quoted) = quoted(value) {
        let is_value =
            name.is_quoted || separator == "=" || name.before != Before::Text || looks_random(&value[quoted.clone()]);
        is_value.then_some(quoted)
    } else if separator == "=" && blanks == 0 && !name.is_apart {
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
    let is_apart = before.len() < at;
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
    Some(Name { text, is_quoted, before, is_apart })
}

/// The inside of a value in quotes, also where the quotes are escaped or something such as `Some(` stands before them.
fn quoted(value: &str) -> Option<Range<usize>> {
    let wrapped = head(value, LONGEST_WRAPPER)
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
        // A quote with more backslashes before it than the first one has is a part of the value.
        if !value[begin..end].ends_with('\\') {
            return Some(begin..end);
        }
        from = end + closing.len();
    }
}

/// A value without quotes, as headers and lists of settings have it.
fn unquoted(name: &Name<'_>, separator: &str, value: &str) -> Option<Range<usize>> {
    let header = name.text.to_ascii_lowercase();
    let begins_header = name.before == Before::Margin && separator == ":" && !name.is_apart;
    if begins_header && header.ends_with("cookie") && line(value).contains('=') {
        return Some(0..line(value).len());
    }
    if begins_header && header.ends_with("authorization") {
        let line = line(value);
        let (scheme, credentials) = line.split_once(' ').unwrap_or(("", line));
        let is_scheme = SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        let is_secret = is_scheme || credentials.split(' ').any(looks_random);
        // The scheme may be seen.
        return is_secret.then_some(line.len() - credentials.len()..line.len());
    }
    let length = value.find(|c: char| c.is_whitespace() || ",;)}]\"'`".contains(c)).unwrap_or(value.len());
    let ends_line = value[length..].is_empty() || value[length..].starts_with(['\n', '\r']);
    let is_header = begins_header && ends_line && name.text.contains('-');
    (is_header || looks_random(&value[..length])).then_some(0..length)
}

fn line(value: &str) -> &str {
    let value = head(value, LONGEST_LINE);
    &value[..value.find(['\n', '\r']).unwrap_or(value.len())]
}

/// `PASSWORD 'x'` and `IDENTIFIED BY 'x'`.
fn sql_passwords(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for words in ["password '", "identified by '"] {
        for (at, _) in lower.match_indices(words) {
            let begin = at + words.len();
            let value = head(&text[begin..], LONGEST_LINE);
            let length = value.find('\'').unwrap_or(0);
            found.push(begin..begin + length);
        }
    }
    found
}
