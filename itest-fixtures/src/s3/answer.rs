//! The answers of S3, which are XML.

use super::recorder::Refusal;
use crate::xml::texts_of;

/// The error of an answer.
pub(super) fn refusal_of(body: &[u8]) -> Refusal {
    let xml = String::from_utf8_lossy(body);
    let first = |name| texts_of(&xml, name).into_iter().next().unwrap_or_default();
    Refusal { code: first("Code"), message: first("Message") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_that_is_no_xml_has_no_code() {
        assert_eq!(refusal_of(b"<html"), Refusal { code: String::new(), message: String::new() });
        assert_eq!(refusal_of(b"<Error><Code>NoSuchKey</Code></Error>").code, "NoSuchKey");
    }
}
