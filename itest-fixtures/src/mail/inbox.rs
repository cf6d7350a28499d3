//! The mails that a mailbox has received, and which of them a test has expected.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::envelope::is_same_address;
use super::received_mail::Mail;

/// The most that a mailbox stores. A mail above the limit of a single mail is refused before.
const MAX_MEBIBYTES: usize = 256;

/// The mails of a mailbox, in the order in which they arrived.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    deliveries: Mutex<Vec<Delivered>>,
    /// The size of all mails.
    bytes: AtomicUsize,
    arrived: Notify,
}

/// A mail, delivered to one of its recipients.
#[derive(Debug)]
struct Delivered {
    mail: Mail,
    recipient: String,
    is_expected: bool,
}

/// A mail that a test expects.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) recipient: String,
    pub(super) subject: Option<String>,
}

/// The mailbox is full.
#[derive(Debug)]
pub(super) struct Full;

impl fmt::Display for Full {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the mailbox is full: it stores {MAX_MEBIBYTES} MiB")
    }
}

impl Inbox {
    /// Reserves the memory for a mail.
    ///
    /// # Errors
    ///
    /// When the mailbox is full.
    pub(super) fn reserve(&self, bytes: usize) -> Result<(), Full> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before == 0 || before.saturating_add(bytes) <= MAX_MEBIBYTES << 20 { Ok(()) } else { Err(Full) }
    }

    /// Delivers a mail to each of its recipients. A recipient that is named twice gets it once.
    pub(super) fn deliver(&self, mail: &Mail) {
        let mut deliveries = self.lock();
        let first = deliveries.len();
        for recipient in mail.recipients() {
            if !deliveries[first..].iter().any(|delivered| delivered.recipient == *recipient) {
                let recipient = recipient.clone();
                deliveries.push(Delivered { mail: mail.clone(), recipient, is_expected: false });
            }
        }
        drop(deliveries);
        self.arrived.notify_waiters();
    }

    /// Takes the first delivery that is wanted, and waits until it arrives. Each delivery is taken once.
    pub(super) async fn take(&self, wanted: &Wanted) -> Mail {
        loop {
            let mut arrived = std::pin::pin!(self.arrived.notified());
            // From now on, a mail is noticed even if it arrives before the task waits.
            arrived.as_mut().enable();
            if let Some(mail) = self.take_now(wanted) {
                return mail;
            }
            arrived.await;
        }
    }

    fn take_now(&self, wanted: &Wanted) -> Option<Mail> {
        let mut deliveries = self.lock();
        let delivered = deliveries.iter_mut().find(|delivered| {
            let has_subject = wanted.subject.as_ref().is_none_or(|subject| delivered.mail.subject() == subject);
            !delivered.is_expected && is_same_address(&delivered.recipient, &wanted.recipient) && has_subject
        })?;
        delivered.is_expected = true;
        Some(delivered.mail.clone())
    }

    /// The deliveries to this recipient that no test has taken.
    pub(super) fn unexpected_to(&self, recipient: &str) -> Vec<Mail> {
        let deliveries = self.lock();
        let unexpected = deliveries
            .iter()
            .filter(|delivered| !delivered.is_expected && is_same_address(&delivered.recipient, recipient));
        unexpected.map(|delivered| delivered.mail.clone()).collect()
    }

    /// All mails that were not expected for some of their recipients, with these recipients.
    pub(super) fn unexpected(&self) -> Vec<Unexpected> {
        let mut unexpected: Vec<Unexpected> = Vec::new();
        for Delivered { mail, recipient, is_expected: _ } in
            self.lock().iter().filter(|delivered| !delivered.is_expected)
        {
            // The deliveries of a mail follow each other.
            match unexpected.last_mut().filter(|last| last.mail.is(mail)) {
                Some(last) => last.recipients.push(recipient.clone()),
                None => unexpected.push(Unexpected { mail: mail.clone(), recipients: vec![recipient.clone()] }),
            }
        }
        unexpected
    }

    /// All mails, each of them once.
    pub(super) fn mails(&self) -> Vec<Mail> {
        let mut mails: Vec<Mail> = Vec::new();
        for delivered in &*self.lock() {
            if !mails.last().is_some_and(|last| last.is(&delivered.mail)) {
                mails.push(delivered.mail.clone());
            }
        }
        mails
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Delivered>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mail that was not expected for some of its recipients.
#[derive(Debug)]
pub(super) struct Unexpected {
    pub(super) mail: Mail,
    pub(super) recipients: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::super::envelope::Envelope;
    use super::*;

    fn mail_to(recipients: &[&str], subject: &str) -> Mail {
        let recipients = recipients.iter().map(ToString::to_string).collect();
        let envelope = Envelope { sender: "shop@example.org".to_owned(), recipients };
        Mail::new(envelope, format!("Subject: {subject}\r\n\r\n").into_bytes())
    }

    fn wanted(recipient: &str, subject: Option<&str>) -> Wanted {
        Wanted { recipient: recipient.to_owned(), subject: subject.map(str::to_owned) }
    }

    #[test]
    fn delivery_is_taken_once_for_each_recipient() {
        let inbox = Inbox::default();
        inbox.deliver(&mail_to(&["ada@example.org", "bob@example.org", "ada@example.org"], "a"));
        assert_eq!(inbox.take_now(&wanted("ada@EXAMPLE.org", None)).unwrap().subject(), "a");
        assert!(inbox.take_now(&wanted("ada@example.org", None)).is_none());
        assert_eq!(inbox.unexpected()[0].recipients, ["bob@example.org"]);
        assert!(inbox.take_now(&wanted("Bob@example.org", None)).is_none());
        assert!(inbox.take_now(&wanted("bob@example.org", Some("b"))).is_none());
        assert!(inbox.take_now(&wanted("bob@example.org", Some("a"))).is_some());
        assert!(inbox.unexpected().is_empty());
        assert_eq!(inbox.mails().len(), 1);
    }

    #[test]
    fn equal_mails_are_two_mails() {
        let inbox = Inbox::default();
        inbox.deliver(&mail_to(&["ada@example.org"], "a"));
        inbox.deliver(&mail_to(&["ada@example.org"], "a"));
        assert_eq!((inbox.mails().len(), inbox.unexpected().len()), (2, 2));
    }
}
