//! Identifiers, which differ each time that a test runs.

/// The shortest word that counts as an identifier if it contains a digit.
const MIN_ID_CHARS: usize = 8;

/// Whether a word looks like a number, a UUID or another generated name, and not like `v1`.
pub(crate) fn is_identifier(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    digits > 0 && (digits == word.len() || word.len() >= MIN_ID_CHARS)
}
