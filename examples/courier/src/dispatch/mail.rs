//! The mails to customers.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use tokio::time::timeout;

/// A client of the mail server.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
}

/// The reason why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// Another attempt makes no sense.
    #[error("the mail is refused: {0}")]
    Refused(String),
    /// Another attempt may succeed.
    #[error("the mail server does not work: {0}")]
    Unavailable(String),
}

impl Mailer {
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, SmtpError> {
        Ok(Self { transport: AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.build(), timeout })
    }

    /// Tells a customer that the order was delivered.
    pub(crate) async fn send(&self, order: i64, customer: &str) -> Result<(), MailError> {
        let refused = |error: &dyn std::error::Error| MailError::Refused(error.to_string());
        let recipient: Mailbox = customer.parse().map_err(|error| refused(&error))?;
        let sender =
            Mailbox::new(None, lettre::Address::new("courier", "example.org").map_err(|error| refused(&error))?);
        let message = Message::builder()
            .from(sender)
            .to(recipient)
            .subject(format!("Order {order} was delivered"))
            .body(format!("Your receipt: https://courier.example.org/receipts/{order}\n"))
            .map_err(|error| refused(&error))?;
        match timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(refused(&error)),
            Ok(Err(error)) => Err(MailError::Unavailable(error.to_string())),
            Err(_) => Err(MailError::Unavailable("no answer in time".to_owned())),
        }
    }
}
