//! Secrets that are recognized by their shape: tokens with a prefix, JSON web tokens, private keys, and credentials after a scheme.

use std::ops::Range;

/// The prefixes of keys and tokens, each with the minimum number of characters after the prefix.
const PREFIXES: [(&str, usize); 26] = [
    // Amazon Web Services.
    ("AKIA", 16),
    ("ASIA", 16),
    // GitHub and GitLab.
    ("ghp_", 30),
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 30),
    ("glpat-", 16),
    // Slack.
    ("xoxa-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("xoxr-", 16),
    ("xoxs-", 16),
    // Stripe.
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("whsec_", 16),
    // Google, npm, PyPI, crates.io, OpenAI, Anthropic, SendGrid.
    ("AIza", 30),
    ("npm_", 30),
    ("pypi-", 30),
    ("cio", 32),
    ("sk-proj-", 20),
    ("sk-ant-", 20),
    ("SG.", 40),
];

/// The length of the shortest key.
const MIN_KEY_BYTES: usize = {
    let mut least = usize::MAX;
    let mut at = 0;
    while at < PREFIXES.len() {
        let length = PREFIXES[at].0.len() + PREFIXES[at].1;
        if length < least {
            least = length;
        }
        at += 1;
    }
    least
};

/// The positions of tokens with the prefixes of well-known services.
pub(super) fn prefixed_keys(text: &str) -> Vec<Range<usize>> {
    let mut secrets = Vec::new();
    // Most texts are ids and words, which are too short for a key.
    if text.len() < MIN_KEY_BYTES {
        return secrets;
    }
    for (prefix, min_length) in PREFIXES {
        for (at, _) in text.match_indices(prefix) {
            let behind = &text[at + prefix.len()..];
            let length = prefix_length(behind, |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            let key = behind[..length].trim_end_matches(['.', '-', '_']);
            // A random key has digits. An ordinary word has none.
            let is_random = key.bytes().any(|byte| byte.is_ascii_digit());
            if key.len() >= min_length && is_random && begins_word(text, at) {
                secrets.push(at..at + prefix.len() + key.len());
            }
        }
    }
    secrets
}

/// The positions of JSON web tokens. A token has three parts in base64, and the first part begins with `{"`.
pub(super) fn json_web_tokens(text: &str) -> Vec<Range<usize>> {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
    let token = |at: usize| {
        let header = prefix_length(&text[at..], is_base64);
        let payload = text[at + header..].strip_prefix('.').map(|rest| prefix_length(rest, is_base64))?;
        let behind = at + header + 1 + payload;
        let signature = text[behind..].strip_prefix('.').map(|rest| prefix_length(rest, is_base64))?;
        (header >= 8 && payload >= 2).then_some(at..behind + 1 + signature)
    };
    let mut secrets: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices("eyJ") {
        // The second part of a token has the same prefix and must not be taken for another token.
        if begins_word(text, at) && secrets.last().is_none_or(|last| last.end <= at) {
            secrets.extend(token(at));
        }
    }
    secrets
}

/// The positions of the bodies of private keys in the PEM format. A body without an end line extends to the end of the text.
pub(super) fn private_keys(text: &str) -> Vec<Range<usize>> {
    const END_OF_LABEL: &str = "PRIVATE KEY-----";
    const MAX_LABEL_BYTES: usize = 80;
    let mut secrets = Vec::new();
    for (at, _) in text.match_indices("-----BEGIN ") {
        let is_inside = secrets.last().is_some_and(|last: &Range<usize>| last.end > at);
        let label = head(&text[at..], MAX_LABEL_BYTES).find(END_OF_LABEL).filter(|_| !is_inside);
        let Some(label) = label else { continue };
        let body = at + label + END_OF_LABEL.len();
        let end = text[body..].find("-----END ").map_or(text.len(), |end| body + end);
        secrets.push(body..end);
    }
    secrets
}

/// The positions of credentials after the name of an authentication scheme, as in `Bearer abc`.
pub(super) fn scheme_credentials(text: &str) -> Vec<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let mut secrets = Vec::new();
    for scheme in ["bearer ", "basic "] {
        for (at, _) in lower.match_indices(scheme) {
            let begin = at + scheme.len();
            let length =
                prefix_length(&text[begin..], |byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
            let value = text[begin..begin + length].trim_end_matches(['.', '-']);
            let is_credential = if scheme == "basic " { is_user_and_password(value) } else { is_likely_random(value) };
            if is_credential && begins_word(text, at) {
                secrets.push(begin..begin + value.len());
            }
        }
    }
    secrets
}

/// Whether a text is more likely a random token or a password than a word of a language.
pub(super) fn is_likely_random(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let letters = has(u8::is_ascii_alphabetic);
    // Paths and source locations also have letters and digits.
    if text.contains(':') || text.contains('/') && (text.len() < 20 || text.contains('.')) {
        return false;
    }
    let is_mixed = text.bytes().skip(1).any(|byte| byte.is_ascii_uppercase()) && has(u8::is_ascii_lowercase);
    text.len() >= 6 && letters && has(u8::is_ascii_digit) || text.len() >= 16 && is_mixed
}

/// Whether a text is the base64 form of `user:password`, that is, of printable text with a colon.
fn is_user_and_password(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let mut decoded = Vec::new();
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in digits.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.extend(u8::try_from(bits >> count & 0xff));
        }
    }
    digits.len() >= 4
        && decoded.contains(&b':')
        && decoded.iter().all(|byte| (b' '..0x7f).contains(byte) || *byte >= 0x80)
}

/// The first bytes of a text, at most the given number. A finder that looks ahead from many positions must limit its lookahead with this
/// function, because its time would otherwise grow with the square of the text's length.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The number of bytes at the start of a text that satisfy the predicate.
fn prefix_length(text: &str, predicate: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|byte| predicate(*byte)).count()
}

/// Whether the byte position is not inside a word.
fn begins_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
}
