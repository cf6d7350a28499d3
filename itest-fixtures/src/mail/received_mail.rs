//! A mail that was received, and assertions about it.

use std::fmt;
use std::sync::Arc;

use itest_runtime::__private::redacted;

use super::content::{Attachment, Content};
use super::envelope::Envelope;
use crate::shown::shown_text;

/// The maximum number of characters of a text in a failure.
const MAX_SHOWN_CHARS: usize = 1024;

/// A mail that a [`Mailbox`](crate::Mailbox) has received. A clone is the same mail.
///
/// An assertion that fails shows the mail, without secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    envelope: Envelope,
    raw: Vec<u8>,
    content: Content,
}

impl Mail {
    pub(super) fn new(envelope: Envelope, raw: Vec<u8>) -> Self {
        let content = Content::parse(&raw);
        Self(Arc::new(Parts { envelope, raw, content }))
    }

    pub(super) fn envelope(&self) -> &Envelope {
        &self.0.envelope
    }

    /// Whether this is the same mail, and not only a mail with the same content.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The mail in one line, for a list: `from shop@example.org to ada@example.org: "Receipt"`.
    pub(super) fn in_one_line(&self) -> String {
        let (sender, recipients) = (self.sender(), self.envelope().shown_recipients());
        let sender = if sender.is_empty() { "<> (a bounce)" } else { sender };
        format!("from {sender} to {recipients}: {:?}", shown_text(self.subject(), MAX_SHOWN_CHARS))
    }

    /// The sender of the envelope (MAIL FROM). It is empty for a bounce. The header `From` may say something else.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.0.envelope.sender
    }

    /// The recipients of the envelope (RCPT TO), in order, also those that no header names.
    #[must_use]
    pub fn recipients(&self) -> &[String] {
        &self.0.envelope.recipients
    }

    /// The subject, decoded. It is empty if there is none.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.header("subject").unwrap_or_default()
    }

    /// The value of the first header with this name, in one line. Texts such as the subject are decoded, and other values, such as
    /// addresses, are as they were sent. The case of the name does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.content.header(name)
    }

    /// The names and values of all headers, in order.
    #[must_use]
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.content.headers.iter().map(|header| (&*header.name, &*header.value))
    }

    /// The plain text, decoded. It is empty if there is none: the text of the HTML does not count.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.content.text.as_deref().unwrap_or_default()
    }

    /// The HTML, decoded. It is empty if there is none.
    #[must_use]
    pub fn html(&self) -> &str {
        self.0.content.html.as_deref().unwrap_or_default()
    }

    /// The attached files, in order.
    #[must_use]
    pub fn attachments(&self) -> &[Attachment] {
        &self.0.content.attachments
    }

    /// The links of the plain text and of the HTML, in order, each of them once.
    #[must_use]
    pub fn links(&self) -> &[String] {
        &self.0.content.links
    }

    /// The message as it arrived, without the dots that the protocol adds.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.0.raw
    }
}

/// Assertions.
#[expect(clippy::must_use_candidate, reason = "an assertion is complete without its value")]
impl Mail {
    /// Fails unless the sender of the envelope is this address.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_sender(&self, expected: &str) -> &Self {
        let actual = self.sender();
        assert!(actual == expected, "expected the sender {expected:?}, got {actual:?}\n{self}");
        self
    }

    /// Fails unless these are the recipients of the envelope, in any order. A further recipient, such as a hidden copy, fails the test.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_recipients(&self, expected: &[&str]) -> &Self {
        let mut actual: Vec<&str> = self.recipients().iter().map(String::as_str).collect();
        let mut sorted = expected.to_vec();
        actual.sort_unstable();
        sorted.sort_unstable();
        assert!(actual == sorted, "expected the recipients {sorted:?}, got {actual:?}\n{self}");
        self
    }

    /// Fails unless the mail has this subject.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_subject(&self, expected: &str) -> &Self {
        let actual = self.subject();
        let (wanted, got) = (redacted(expected), redacted(actual));
        assert!(actual == expected, "expected the subject {wanted:?}, got {got:?}\n{self}");
        self
    }

    /// Fails unless the mail has exactly one header with this name, and it has this value.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_header(&self, name: &str, expected: &str) -> &Self {
        let same = self.headers().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let actual: Vec<&str> = same.map(|(_, value)| value).collect();
        let wanted = redacted(expected);
        let got: Vec<_> = actual.iter().map(|value| redacted(value)).collect();
        assert!(actual == [expected], "expected one header {name}: {wanted}, got {got:?}\n{self}");
        self
    }

    /// Fails if the mail has a header with this name.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_no_header(&self, name: &str) -> &Self {
        let actual = self.header(name).map(redacted);
        assert!(actual.is_none(), "expected no header {name}, got {:?}\n{self}", actual.unwrap_or_default());
        self
    }

    /// Fails unless the plain text contains this text.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_text_contains(&self, expected: &str) -> &Self {
        let contains = self.text().contains(expected);
        assert!(contains, "expected a text that contains {:?}\n{self}", redacted(expected));
        self
    }

    /// Fails unless the HTML contains this text.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the mail.
    #[track_caller]
    pub fn assert_html_contains(&self, expected: &str) -> &Self {
        let contains = self.html().contains(expected);
        assert!(contains, "expected an HTML text that contains {:?}\n{self}", redacted(expected));
        self
    }

    /// Fails unless exactly one link begins with this text, such as `https://shop.example/reset`. Returns this link.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the links and the mail.
    #[track_caller]
    pub fn assert_link(&self, beginning: &str) -> &str {
        let mut matching = self.links().iter().filter(|link| link.starts_with(beginning));
        let (first, second) = (matching.next(), matching.next());
        let links: Vec<_> = self.links().iter().map(|link| redacted(link)).collect();
        let wanted = redacted(beginning);
        assert!(first.is_some(), "expected a link that begins with {wanted}, got {links:?}\n{self}");
        assert!(second.is_none(), "expected one link that begins with {wanted}, got several: {links:?}\n{self}");
        first.map(String::as_str).unwrap_or_default()
    }

    /// Fails unless exactly one attachment has this name. Returns this attachment.
    ///
    /// # Panics
    ///
    /// The text of the panic shows the names of the attachments and the mail.
    #[track_caller]
    #[expect(clippy::panic, reason = "a panic is how an assertion fails")]
    pub fn assert_attachment(&self, name: &str) -> &Attachment {
        let mut matching = self.attachments().iter().filter(|attachment| attachment.name() == Some(name));
        if let (Some(attachment), None) = (matching.next(), matching.next()) {
            return attachment;
        }
        let names: Vec<_> = self.attachments().iter().map(Attachment::name).collect();
        panic!("expected one attachment {name:?}, got {names:?}\n{self}")
    }
}

impl fmt::Display for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Content { headers, text, html, attachments, .. } = &self.0.content;
        writeln!(formatter, "> MAIL FROM:<{}>", self.sender())?;
        for recipient in self.recipients() {
            writeln!(formatter, "> RCPT TO:<{recipient}>")?;
        }
        for header in headers {
            writeln!(formatter, "| {}: {}", header.name, shown_text(&header.value, MAX_SHOWN_CHARS))?;
        }
        for (kind, text) in [("text", text), ("html", html)] {
            if let Some(text) = text {
                writeln!(formatter, "| {kind} of {} characters:", text.chars().count())?;
                let shown = shown_text(text, MAX_SHOWN_CHARS);
                shown.lines().try_for_each(|line| writeln!(formatter, "|   {line}"))?;
            }
        }
        for attachment in attachments {
            let (name, bytes) = (attachment.name().unwrap_or("without a name"), attachment.bytes().len());
            writeln!(formatter, "| attachment {name} ({}), {bytes} bytes", attachment.content_type())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
