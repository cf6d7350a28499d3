//! Tests whose mailbox fails them, and one whose failure shows the mails.

use std::time::Duration;

use itest::prelude::*;
use itest::{Fault, MailServer, MailServerOptions};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Message, Tokio1Executor};

itest::main!();

struct WithLogin;

impl MailServer for WithLogin {
    fn options() -> MailServerOptions {
        MailServerOptions::new().login("shop", "s3cret")
    }
}

/// Sends a mail, as the code under test does that ignores errors.
async fn send<S: MailServer>(mailbox: &Mailbox<S>, recipients: &[&str], subject: &str) {
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(mailbox.host()).port(mailbox.port());
    let mut message = Message::builder().from("shop@example.org".parse().unwrap()).subject(subject);
    for recipient in recipients {
        message = message.to(recipient.parse().unwrap());
    }
    let message = message.body("https://shop/reset?token=s3cret".to_owned()).unwrap();
    // The time limit of lettre itself applies to the connection only.
    let _ = tokio::time::timeout(Duration::from_millis(200), transport.build().send(message)).await;
}

#[integration_test]
async fn unexpected_mail(mailbox: &Mailbox) -> Result<()> {
    send(mailbox, &["ada@example.org"], "Receipt").await;
    send(mailbox, &["eve@example.org"], "Receipt, token=s3cret").await;
    mailbox.expect("ada@example.org").await?;
    Ok(())
}

#[integration_test]
async fn mail_to_a_further_recipient(mailbox: &Mailbox) -> Result<()> {
    send(mailbox, &["ada@example.org", "eve@example.org"], "Receipt").await;
    mailbox.expect("ada@example.org").await?;
    Ok(())
}

#[integration_test]
async fn unexpected_mail_of_a_lenient_mailbox(mailbox: &Mailbox) -> Result<()> {
    mailbox.lenient();
    send(mailbox, &["ada@example.org"], "Receipt").await;
    Ok(())
}

#[integration_test]
async fn client_without_a_login(mailbox: &Mailbox<WithLogin>) -> Result<()> {
    #[act]
    for _ in 0..3 {
        send(mailbox, &["ada@example.org"], "Receipt").await;
    }
    #[assert]
    assert!(mailbox.received().is_empty());
    Ok(())
}

#[integration_test]
async fn unused_fault(mailbox: &Mailbox) -> Result<()> {
    mailbox.inject(Fault::Status(451)).to("ada@example.org");
    send(mailbox, &["bob@example.org"], "Receipt").await;
    mailbox.expect("bob@example.org").await?;
    Ok(())
}

#[integration_test]
async fn missing_mail(mailbox: &Mailbox) -> Result<()> {
    #[act]
    send(mailbox, &["bob@example.org"], "Receipt").await;
    #[assert]
    mailbox.expect("ada@example.org").within(Duration::from_millis(20)).await?;
    Ok(())
}

/// It passes without a fault, and fails if the mail is lost.
#[integration_test]
async fn receipt_is_sent(mailbox: &Mailbox) -> Result<()> {
    #[act]
    send(mailbox, &["ada@example.org"], "Receipt").await;
    #[assert]
    mailbox.expect("ada@example.org").within(Duration::from_millis(20)).await?;
    Ok(())
}
