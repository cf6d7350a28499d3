//! Mails of senders of other projects: lettre, Python's smtplib, curl and swaks.

use std::io::ErrorKind;

use itest::prelude::*;
use itest::{CertificateAuthority, Mail, MailServer};
use lettre::message::header::ContentType;
use lettre::message::{Attachment, MultiPart, SinglePart};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncTransport, Message, Tokio1Executor};
use tokio::process::Command;

use crate::{Secure, WithLogin};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The transport of lettre for a mailbox, without TLS and login.
pub(crate) fn transport<S: MailServer>(mailbox: &Mailbox<S>) -> Transport {
    Transport::builder_dangerous(mailbox.host()).port(mailbox.port()).build()
}

/// A receipt for Ada with a hidden copy, two texts and a file.
pub(crate) fn receipt() -> Message {
    let texts = MultiPart::alternative_plain_html(
        "2 books für 25 €.\r\n.\r\n..\r\nTrack it: https://shop.example/orders/7".to_owned(),
        "<p>2 books</p><a href=\"https://shop.example/orders/7?a=1&amp;b=2\">Track it</a>".to_owned(),
    );
    let invoice = Attachment::new("Rechnung ü.pdf".to_owned())
        .body(vec![0_u8, 13, 10, 46, 255], ContentType::parse("application/pdf").unwrap());
    Message::builder()
        .from("The Shop <shop@example.org>".parse().unwrap())
        .to("Ada <ada@example.org>".parse().unwrap())
        .bcc("archive@example.org".parse().unwrap())
        .subject("Your receipt: 25 €")
        .multipart(MultiPart::mixed().multipart(texts).singlepart(invoice))
        .unwrap()
}

/// A mail of one line.
pub(crate) fn note(recipient: &str, subject: &str) -> Message {
    Message::builder()
        .from("shop@example.org".parse().unwrap())
        .to(recipient.parse().unwrap())
        .subject(subject)
        .singlepart(SinglePart::plain("Hello".to_owned()))
        .unwrap()
}

#[integration_test]
async fn mail_of_lettre_is_received_with_all_its_parts(mailbox: &Mailbox) -> Result<()> {
    #[act]
    transport(mailbox).send(receipt()).await?;

    #[assert]
    let mail = mailbox.expect("ada@example.org").await?;
    assert_eq!(mailbox.expect("archive@example.org").await?, mail);
    mail.assert_sender("shop@example.org")
        .assert_recipients(&["archive@example.org", "ada@example.org"])
        .assert_subject("Your receipt: 25 €")
        .assert_header("To", "Ada <ada@example.org>")
        .assert_no_header("Bcc")
        .assert_text_contains("2 books für 25 €.\r\n.\r\n..\r\nTrack it")
        .assert_html_contains("<p>2 books</p>");
    assert_eq!(mail.assert_link("https://shop.example/orders/7?"), "https://shop.example/orders/7?a=1&b=2");
    let invoice = mail.assert_attachment("Rechnung ü.pdf");
    assert_eq!((invoice.content_type(), invoice.bytes()), ("application/pdf", &[0, 13, 10, 46, 255][..]));
    Ok(())
}

#[integration_test]
async fn lettre_sends_over_starttls_and_logs_in(
    mailbox: &Mailbox<Secure>,
    authority: &CertificateAuthority,
    #[values(Mechanism::Plain, Mechanism::Login)] mechanism: Mechanism,
) -> Result<()> {
    #[arrange]
    let parameters = TlsParameters::builder("localhost".to_owned())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(Certificate::from_pem(authority.pem().as_bytes())?)
        .build()?;
    let transport = Transport::builder_dangerous("localhost")
        .port(mailbox.port())
        .tls(Tls::Required(parameters))
        .credentials(Credentials::new("shop".to_owned(), "s3cret/å".to_owned()))
        .authentication(vec![mechanism])
        .build();

    #[act]
    transport.send(note("ada@example.org", "Hello")).await?;

    #[assert]
    mailbox.expect("ada@example.org").await?.assert_subject("Hello");
    assert!(mailbox.url().starts_with("smtp://shop:s3cret%2F%C3%A5@127.0.0.1:"), "{}", mailbox.url());
    Ok(())
}

#[integration_test]
async fn client_that_does_not_trust_the_authority_sends_no_mail(mailbox: &Mailbox<Secure>) -> Result<()> {
    let parameters = TlsParameters::builder("localhost".to_owned()).build()?;
    let transport =
        Transport::builder_dangerous("localhost").port(mailbox.port()).tls(Tls::Required(parameters)).build();
    assert!(transport.send(note("ada@example.org", "Hello")).await.is_err());
    assert!(mailbox.received().is_empty());
    Ok(())
}

#[integration_test]
async fn lettre_logs_in_by_the_url(mailbox: &Mailbox<WithLogin>) -> Result<()> {
    Transport::from_url(&mailbox.url())?.build().send(note("ada@example.org", "Hello")).await?;
    mailbox.expect("ada@example.org").await?;
    Ok(())
}

/// Runs a program that must succeed. A program that is not installed makes the test skip.
async fn run(program: &str, remedy: &str, command: &mut Command) -> Result<()> {
    let output = match command.kill_on_drop(true).output().await {
        Err(error) if error.kind() == ErrorKind::NotFound => unavailable!(program, "{remedy}"),
        output => output?,
    };
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: {}\n{stdout}\n{stderr}", output.status);
    Ok(())
}

const PYTHON: &str = r#"
import base64, smtplib, ssl, sys
from email.message import EmailMessage
port, authority = int(sys.argv[1]), sys.argv[2]
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "shop@example.org", "ada@example.org, bob@example.org", "Grüße"
mail.set_content("Hello\n.\nfrom Python\n")
mail.add_attachment(b"a,b\r\n", maintype="text", subtype="csv", filename="a.csv")
with smtplib.SMTP("localhost", port) as server:
    server.starttls(context=ssl.create_default_context(cafile=authority))
    # `login` refuses a password that is not ASCII.
    server.ehlo()
    credentials = base64.b64encode("\0shop\0s3cret/å".encode()).decode()
    reply = server.docmd("AUTH", "PLAIN " + credentials)
    assert reply[0] == 235, reply
    server.send_message(mail)
"#;

fn assert_greeting(mail: &Mail) {
    mail.assert_subject("Grüße").assert_recipients(&["ada@example.org", "bob@example.org"]);
    mail.assert_text_contains("Hello\r\n.\r\nfrom Python");
    assert_eq!(mail.assert_attachment("a.csv").bytes(), b"a,b\r\n");
}

#[integration_test]
async fn mail_of_python_is_received_over_starttls(
    mailbox: &Mailbox<Secure>,
    authority: &CertificateAuthority,
) -> Result<()> {
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON]).arg(mailbox.port().to_string()).arg(authority.path());
    run("python3", "apt-get install python3", &mut command).await?;
    assert_greeting(&mailbox.expect("ada@example.org").await?);
    mailbox.expect("bob@example.org").await?;
    Ok(())
}

#[integration_test]
async fn mail_of_curl_is_received_with_a_login(mailbox: &Mailbox<WithLogin>, dir: TempDir) -> Result<()> {
    let file = dir.join("mail.txt");
    tokio::fs::write(&file, "Subject: from curl\r\n\r\n.dot\r\n").await?;
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--mail-from", "shop@example.org", "--mail-rcpt", "ada@example.org"]);
    command.arg("--upload-file").arg(&file).arg(mailbox.url());
    run("curl", "apt-get install curl", &mut command).await?;
    let mail = mailbox.expect("ada@example.org").await?;
    mail.assert_subject("from curl").assert_text_contains(".dot");
    assert_eq!(mail.raw(), b"Subject: from curl\r\n\r\n.dot\r\n");
    Ok(())
}

#[integration_test]
async fn mail_of_swaks_is_received_over_a_pipeline(mailbox: &Mailbox) -> Result<()> {
    let mut command = Command::new("swaks");
    command.args(["--pipeline", "--from", "shop@example.org", "--to", "ada@example.org", "--server"]);
    command.arg(format!("127.0.0.1:{}", mailbox.port())).args(["--header", "Subject: from swaks"]);
    run("swaks", "apt-get install swaks", &mut command).await?;
    mailbox.expect("ada@example.org").await?.assert_subject("from swaks");
    Ok(())
}
