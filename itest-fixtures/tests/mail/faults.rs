//! Faults of deliveries, as lettre sees them.

use std::time::Duration;

use itest::Fault;
use itest::prelude::*;
use lettre::AsyncTransport;

use crate::senders::{note, transport};

#[integration_test]
async fn injected_reply_refuses_the_mail(mailbox: &Mailbox, #[values(451, 550)] code: u16) -> Result<()> {
    mailbox.inject(Fault::Status(code)).to("ada@example.org").first(1);
    let transport = transport(mailbox);
    transport.send(note("bob@example.org", "another recipient")).await?;
    let error = transport.send(note("ada@example.org", "refused")).await.unwrap_err();
    assert_eq!(error.status().map(u16::from), Some(code));
    assert_eq!((error.is_transient(), error.is_permanent()), (code == 451, code == 550));
    transport.send(note("ada@example.org", "accepted")).await?;
    mailbox.expect("ada@example.org").await?.assert_subject("accepted");
    mailbox.expect("bob@example.org").await?;
    Ok(())
}

#[integration_test]
async fn reset_decides_whether_the_mail_has_arrived(
    mailbox: &Mailbox,
    #[values(Fault::ResetBefore, Fault::ResetDuring, Fault::Cut(3))] fault: Fault,
) -> Result<()> {
    let injection = mailbox.inject(fault).on_every_mail();
    assert!(transport(mailbox).send(note("ada@example.org", "Hello")).await.is_err());
    assert_eq!(injection.count(), 1);
    if fault == Fault::ResetBefore {
        assert!(mailbox.received().is_empty());
    } else {
        mailbox.expect("ada@example.org").await?;
    }
    Ok(())
}

#[integration_test]
async fn reset_after_the_reply_does_not_lose_the_reply(mailbox: &Mailbox) -> Result<()> {
    mailbox.inject(Fault::ResetAfter).on_every_mail();
    transport(mailbox).send(note("ada@example.org", "Hello")).await?;
    mailbox.expect("ada@example.org").await?;
    Ok(())
}

/// The test ends at once although the mailbox never answers its client.
#[integration_test(timeout = "4s")]
async fn client_without_an_answer_does_not_delay_the_end(mailbox: &Mailbox, teardown: &Teardown) -> Result<()> {
    let injection = mailbox.inject(Fault::Timeout).on_every_mail();
    let sender = transport(mailbox);
    let sending = tokio::spawn(async move { sender.send(note("ada@example.org", "Hello")).await });
    eventually(async || injection.count()).equals(1).await?;
    teardown.defer("end the client", async move {
        let sent = sending.await?;
        if sent.is_ok() { Err(itest::Error::new("the client got an answer")) } else { Ok(()) }
    });
    assert!(mailbox.received().is_empty());
    Ok(())
}

#[integration_test]
async fn slow_reply_comes_after_the_latency(mailbox: &Mailbox) -> Result<()> {
    mailbox.inject(Fault::Latency(Duration::from_millis(30))).on_every_mail();
    let began = std::time::Instant::now();
    transport(mailbox).send(note("ada@example.org", "Hello")).await?;
    assert!(began.elapsed() >= Duration::from_millis(30), "{:?}", began.elapsed());
    mailbox.expect("ada@example.org").await?;
    Ok(())
}
