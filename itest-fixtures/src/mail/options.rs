//! What a mail server requires of its clients.

use std::fmt;

/// The default size limit of a mail, which large providers have, too.
const MAX_BYTES: usize = 25 * 1024 * 1024;

/// A mail server, as a suite knows it: its name, and what it requires of the code under test.
///
/// # Examples
///
/// ```
/// use itest::{MailServer, MailServerOptions};
///
/// /// The mail server of production: TLS, and a login.
/// struct Outgoing;
///
/// impl MailServer for Outgoing {
///     const NAME: &'static str = "outgoing mail";
///
///     fn options() -> MailServerOptions {
///         MailServerOptions::new().starttls().login("shop", "correct horse")
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not declare a mail server",
    note = "write `impl itest::MailServer for {Self} {{ fn options() -> MailServerOptions {{ … }} }}`"
)]
pub trait MailServer: Send + Sync + 'static {
    /// The name of the server in reports.
    const NAME: &'static str = "mail";

    /// What the server requires.
    #[must_use]
    fn options() -> MailServerOptions;
}

/// A mail server without TLS and login, which accepts mails of up to 25 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenMailServer;

impl MailServer for OpenMailServer {
    fn options() -> MailServerOptions {
        MailServerOptions::new()
    }
}

/// What a mail server requires of its clients. A client that does not comply is refused, and its test fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServerOptions {
    pub(super) security: MailSecurity,
    pub(super) credentials: Option<Credentials>,
    pub(super) max_bytes: usize,
}

/// Whether clients must use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MailSecurity {
    Plain,
    /// A client must send STARTTLS before it logs in or sends a mail.
    StartTls,
}

/// The name and the password of a login.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:***", self.user)
    }
}

impl MailServerOptions {
    /// Neither TLS nor login, and mails of up to 25 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self { security: MailSecurity::Plain, credentials: None, max_bytes: MAX_BYTES }
    }

    /// The client must begin TLS with STARTTLS. Its certificate is signed by the [`CertificateAuthority`](crate::CertificateAuthority) of the
    /// test.
    #[must_use]
    pub fn starttls(self) -> Self {
        Self { security: MailSecurity::StartTls, ..self }
    }

    /// The client must log in with this name and this password, by AUTH PLAIN or AUTH LOGIN.
    #[must_use]
    pub fn login(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { credentials: Some(Credentials { user: user.into(), password: password.into() }), ..self }
    }

    /// The largest mail, in bytes. The server announces it (SIZE), and answers a larger mail with 552.
    #[must_use]
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }
}

impl Default for MailServerOptions {
    fn default() -> Self {
        Self::new()
    }
}
