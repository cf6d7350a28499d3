//! A mail server of one test: it receives what the code under test sends, and passes nothing on.

mod content;
mod credentials;
mod delivery;
mod envelope;
mod expected;
mod inbox;
mod links;
mod mailbox;
mod message_reader;
mod new_injection;
mod options;
mod received_mail;
mod recorder;
mod server;
mod session;
mod smtp;

pub use content::Attachment;
pub use expected::ExpectedMail;
pub use mailbox::Mailbox;
pub use new_injection::NewMailInjection;
pub use options::{MailServer, MailServerOptions, OpenMailServer};
pub use received_mail::Mail;
