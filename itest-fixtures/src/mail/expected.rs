//! The wait for a mail.

use std::future::IntoFuture;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use itest_runtime::__private::timeout;
use itest_runtime::Error;

use super::inbox::Wanted;
use super::received_mail::Mail;
use super::recorder::Recorder;

/// How long a test waits for a mail by default.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

/// The wait for a mail; see [`Mailbox::expect`](crate::Mailbox::expect). It begins when it is awaited.
#[derive(Debug)]
#[must_use = "the test does not wait for the mail until this is awaited"]
pub struct ExpectedMail<'m> {
    recorder: &'m Recorder,
    wanted: Wanted,
    limit: Duration,
    location: &'static Location<'static>,
}

impl<'m> ExpectedMail<'m> {
    #[track_caller]
    pub(super) fn new(recorder: &'m Recorder, recipient: &str) -> Self {
        let wanted = Wanted { recipient: recipient.to_owned(), subject: None };
        Self { recorder, wanted, limit: DEFAULT_LIMIT, location: Location::caller() }
    }

    /// The mail has exactly this subject. Other mails to the same recipient remain for later.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.wanted.subject = Some(subject.into());
        self
    }

    /// Sets the time limit (default: 5 seconds).
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    async fn wait(self) -> Result<Mail, Error> {
        let Self { recorder, wanted, limit, location } = self;
        // The harness's clock also runs while a test has paused tokio's time.
        match timeout(limit, recorder.inbox.take(&wanted)).await {
            Ok(mail) => Ok(mail),
            Err(_) => Err(Error::at(recorder.explain_missing(&wanted, limit), location)),
        }
    }
}

impl<'m> IntoFuture for ExpectedMail<'m> {
    type Output = Result<Mail, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'm>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}
