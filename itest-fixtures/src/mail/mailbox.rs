//! The fixture: a mailbox of one test.

use std::fmt;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use itest_runtime::{Error, Fault, Outcome, Teardown, TestInfo};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::expected::ExpectedMail;
use super::new_injection::NewMailInjection;
use super::options::{MailSecurity, MailServer, OpenMailServer};
use super::received_mail::Mail;
use super::recorder::Recorder;
use super::server::serve;
use crate::itest::fixture;

/// A mail server (SMTP) of one test. It receives what the code under test sends, and passes nothing on.
///
/// - A mail that no [`Mailbox::expect`] takes fails the test, with its sender, its recipients and its subject.
/// - A client that does not comply with the protocol, or with the [options](MailServer), is refused and fails the test.
///
/// `Mailbox` is a server without TLS and login. `Mailbox<S>` is the server that `S` declares.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// # struct Shop;
/// # impl Shop { fn new(_mail_url: &str) -> Self { Self } async fn confirm(&self, _address: &str) -> Result<()> { Ok(()) } }
///
/// #[fixture]
/// fn shop(mailbox: &Mailbox) -> Shop {
///     Shop::new(&mailbox.url())
/// }
///
/// #[integration_test]
/// async fn order_is_confirmed_by_mail(shop: &Shop, mailbox: &Mailbox) -> Result<()> {
///     #[act]
///     shop.confirm("ada@example.org").await?;
///
///     #[assert]
///     let mail = mailbox.expect("ada@example.org").await?;
///     mail.assert_subject("Your order").assert_text_contains("2 books");
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Mailbox<S = OpenMailServer> {
    recorder: Arc<Recorder>,
    address: SocketAddr,
    server: PhantomData<fn() -> S>,
}

impl<S: MailServer> Mailbox<S> {
    async fn start(info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let options = S::options();
        let tls = match options.security {
            MailSecurity::StartTls => Some(crate::tls::server_config()?),
            MailSecurity::Plain => None,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let recorder = Arc::new(Recorder::new(S::NAME, info.clone(), options));
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, Arc::clone(&recorder), tls, stopped));
        let checked = Arc::clone(&recorder);
        teardown.defer_with(format!("stop the mailbox on {address}"), move |outcome| async move {
            // If the test failed earlier, it may not have reached its expectations.
            if outcome == Outcome::Passed {
                checked.check();
            }
            // The receiver is dropped only if the server has ended, and the result of its task says why.
            let _ = stop.send(());
            serving.await.map_err(Error::from)
        });
        Ok(Self { recorder, address, server: PhantomData })
    }

    /// The URL `smtp://127.0.0.1:PORT`, or `smtp://USER:PASSWORD@127.0.0.1:PORT` if the server requires a login.
    #[must_use]
    pub fn url(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let credentials = self.recorder.options.credentials.as_ref();
        let login = credentials.map_or_else(String::new, |credentials| {
            format!("{}:{}@", encoded(&credentials.user), encoded(&credentials.password))
        });
        format!("smtp://{login}{}", self.address)
    }

    /// The host that the server listens on, `127.0.0.1`.
    #[must_use]
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    /// The port that the server listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits for a mail to this recipient, and takes it: each mail counts once for each recipient, in the order of arrival.
    ///
    /// # Errors
    ///
    /// When no such mail arrives within 5 seconds, or within the limit of [`ExpectedMail::within`]. The error lists the mails that were
    /// received.
    #[track_caller]
    pub fn expect(&self, recipient: &str) -> ExpectedMail<'_> {
        ExpectedMail::new(&self.recorder, recipient)
    }

    /// Fails if there is a mail to this recipient that was not expected. It does not wait: a mail that arrives later is unexpected, and fails
    /// the test at its end.
    ///
    /// # Panics
    ///
    /// The text of the panic shows these mails.
    #[track_caller]
    pub fn expect_none(&self, recipient: &str) {
        let unexpected = self.recorder.inbox.unexpected_to(recipient);
        let lines: Vec<String> = unexpected.iter().map(|mail| format!("\n  {}", mail.in_one_line())).collect();
        assert!(unexpected.is_empty(), "expected no mail to {recipient}, got:{}", lines.concat());
    }

    /// All mails that were received so far, in order, whether they were expected or not. Reading them takes none of them.
    #[must_use]
    pub fn received(&self) -> Vec<Mail> {
        self.recorder.inbox.mails()
    }

    /// Begins the injection of a fault into deliveries. [`NewMailInjection::to`] says which mails get it.
    ///
    /// A status is the code of the reply to the message: `Fault::Status(451)` asks the client to try again, and `Fault::Status(550)` does
    /// not. A fault that is never triggered fails the test.
    ///
    /// # Panics
    ///
    /// If the fault is a status that does not refuse a mail (not from 400 to 599), or a fault of HTTP or of a database.
    #[track_caller]
    pub fn inject(&self, fault: Fault) -> NewMailInjection<'_> {
        NewMailInjection::new(&self.recorder, fault)
    }

    /// From now on, neither unexpected mails, nor refused clients, nor unused faults fail the test.
    pub fn lenient(&self) {
        self.recorder.be_lenient();
    }
}

impl<S: MailServer> fmt::Debug for Mailbox<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Mailbox({}, {})", S::NAME, self.address)
    }
}

/// A mailbox.
#[fixture(crate = crate::itest)]
async fn mailbox<S: MailServer>(info: &TestInfo, teardown: &Teardown) -> Result<Mailbox<S>, Error> {
    Mailbox::start(info, teardown).await
}
