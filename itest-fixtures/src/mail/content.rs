//! The content of a mail: its headers, texts and attachments.

use std::collections::HashSet;

use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders, PartType};

use super::links::{links_of_html, links_of_text};

/// A file that is attached to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    name: Option<String>,
    content_type: String,
    bytes: Vec<u8>,
}

impl Attachment {
    /// The name of the file. None if the mail names it neither in `Content-Disposition` nor in `Content-Type`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The content type without its parameters, such as `application/pdf`.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The bytes of the file, decoded.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A header of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    /// The value in one line, with its encoded words decoded if it is a text.
    pub(super) value: String,
}

/// The content of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) headers: Vec<Header>,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) links: Vec<String>,
}

impl Content {
    /// Reads a message. Of a malformed message, the content is what can be read.
    pub(super) fn parse(message: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse(message) else { return Self::default() };
        let text = joined(message.text_bodies().filter_map(|part| match &part.body {
            PartType::Text(text) => Some(text.as_ref()),
            _ => None,
        }));
        let html = joined(message.html_bodies().filter_map(|part| match &part.body {
            PartType::Html(html) => Some(html.as_ref()),
            _ => None,
        }));
        let of_text = text.as_deref().map(links_of_text).unwrap_or_default();
        let of_html = html.as_deref().map(links_of_html).unwrap_or_default();
        let mut known = HashSet::new();
        let links = of_text.into_iter().chain(of_html).filter(|link| known.insert(link.clone())).collect();
        let headers = headers(&message);
        let attachments = message.attachments().map(attachment).collect();
        Self { headers, text, html, attachments, links }
    }

    /// The value of the first header with this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut same = self.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        same.next().map(|header| &*header.value)
    }
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> Option<String> {
    let texts: Vec<&str> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn headers(message: &Message<'_>) -> Vec<Header> {
    let all = message.headers().iter().map(|header| {
        let raw = message.raw_message.get(header.offset_start as usize..header.offset_end as usize);
        let value = match &header.value {
            HeaderValue::Text(text) => text.to_string(),
            // Addresses, dates and types are shown as they were sent.
            _ => unfolded(&String::from_utf8_lossy(raw.unwrap_or_default())),
        };
        Header { name: header.name.as_str().to_owned(), value }
    });
    all.collect()
}

/// A value without the line ends that fold it (RFC 5322, section 2.2.3).
fn unfolded(value: &str) -> String {
    value.trim().replace("\r\n", "")
}

fn attachment(part: &mail_parser::MessagePart<'_>) -> Attachment {
    let content_type = part.content_type().map(|content_type| match content_type.subtype() {
        Some(subtype) => format!("{}/{subtype}", content_type.ctype()),
        None => content_type.ctype().to_owned(),
    });
    Attachment {
        name: part.attachment_name().map(str::to_owned),
        content_type: content_type.unwrap_or_else(|| "text/plain".to_owned()),
        bytes: part.contents().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_html_are_only_those_that_were_sent() {
        let html = Content::parse(b"Content-Type: text/html\r\n\r\n<p>hi</p>\r\n");
        assert_eq!((html.text.as_deref(), html.html.as_deref()), (None, Some("<p>hi</p>\r\n")));
        let text = Content::parse(b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\nhi\r\n");
        assert_eq!((text.text.as_deref(), text.html.as_deref()), (Some("hi\r\n"), None));
        assert_eq!(text.header("subject"), Some("café"));
    }

    #[test]
    fn malformed_message_has_the_content_that_can_be_read() {
        let unclosed = b"Subject: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n--y--\r\n";
        let content = Content::parse(unclosed);
        // The parser does not know whether a part that does not end is a text.
        assert_eq!(content.text, None);
        assert!(String::from_utf8_lossy(content.attachments[0].bytes()).contains("first"));
        let mut deep = String::from("Subject: deep\r\n");
        for level in 0..5_000 {
            let _ = write!(deep, "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
        }
        assert_eq!(Content::parse(deep.as_bytes()).header("subject"), Some("deep"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Content::parse(&bytes);
        }
    }
}
