//! What a test reads of mails, and how it waits for them.

use std::time::Duration;

use itest::prelude::*;
use lettre::AsyncTransport;

use crate::RawClient;
use crate::senders::{note, transport};

#[integration_test]
async fn mail_that_arrives_later_is_expected_in_time(mailbox: &Mailbox) -> Result<()> {
    let sender = transport(mailbox);
    let sending = tokio::spawn(async move {
        tokio::task::yield_now().await;
        sender.send(note("ada@example.org", "later")).await
    });
    mailbox.expect("ada@example.org").within(Duration::from_secs(20)).await?.assert_subject("later");
    sending.await??;
    Ok(())
}

#[integration_test]
async fn missing_mail_is_an_error_that_lists_the_mails_that_were_received(mailbox: &Mailbox) -> Result<()> {
    let error = mailbox.expect("ada@example.org").within(Duration::from_millis(20)).await.unwrap_err().to_string();
    assert_eq!(error, "no mail to ada@example.org arrived within 20ms; mail has received no mail in 0 connections");
    transport(mailbox).send(note("bob@example.org", "token=s3cret")).await?;
    mailbox.expect("bob@example.org").await?;
    transport(mailbox).send(note("carl@example.org", "Hello")).await?;
    let missing = mailbox.expect("ada@example.org").subject("Receipt").within(Duration::from_millis(20)).await;
    let error = missing.unwrap_err().to_string();
    assert_eq!(
        error,
        "no mail to ada@example.org with the subject \"Receipt\" arrived within 20ms; mail has received:\n  \
         from shop@example.org to bob@example.org: \"token=***\", which was expected already\n  \
         from shop@example.org to carl@example.org: \"Hello\""
    );
    mailbox.expect("carl@example.org").await?;
    Ok(())
}

#[integration_test(start_paused = true, flavor = "current_thread")]
async fn paused_time_does_not_shorten_the_wait_for_a_mail(mailbox: &Mailbox) -> Result<()> {
    let (port, host) = (mailbox.port(), mailbox.host());
    // The client has a runtime of its own, so the runtime of the test is idle and its paused time advances.
    let sending = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let transport = lettre::AsyncSmtpTransport::<lettre::Tokio1Executor>::builder_dangerous(host).port(port);
            transport.build().send(note("ada@example.org", "Hello")).await.unwrap();
        });
    });
    mailbox.expect("ada@example.org").within(Duration::from_secs(20)).await?;
    sending.join().unwrap();
    Ok(())
}

#[integration_test]
async fn mail_counts_once_and_mails_to_one_recipient_come_in_order(mailbox: &Mailbox) -> Result<()> {
    for subject in ["first", "second", "third"] {
        transport(mailbox).send(note("ada@example.org", subject)).await?;
    }
    mailbox.expect("ada@example.org").subject("second").await?;
    mailbox.expect("ada@example.org").await?.assert_subject("first");
    mailbox.expect("ada@example.org").await?.assert_subject("third");
    mailbox.expect_none("ada@example.org");
    assert_eq!(mailbox.received().len(), 3);
    Ok(())
}

#[integration_test]
async fn several_mails_on_one_connection_are_all_received(mailbox: &Mailbox) -> Result<()> {
    let mut client = RawClient::connect(mailbox).await?;
    let mut pipeline = String::from("EHLO x\r\n");
    for number in 0..3 {
        pipeline +=
            &["MAIL FROM:<>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\nSubject: ", &number.to_string(), "\r\n\r\n.\r\n"]
                .concat();
    }
    pipeline += "QUIT\r\n";
    let mut reply = client.send(pipeline.as_bytes()).await?;
    while !reply.starts_with("221 ") {
        assert!(reply.starts_with("250 ") || reply.starts_with("354 "), "{reply:?}");
        reply = client.reply().await?;
    }
    assert!(client.is_closed().await);
    for number in 0..3 {
        mailbox.expect("ada@example.org").await?.assert_subject(&number.to_string()).assert_sender("");
    }
    Ok(())
}

#[integration_test]
async fn injected_header_and_recipient_are_visible_to_assertions(mailbox: &Mailbox) -> Result<()> {
    let mut client = RawClient::connect(mailbox).await?;
    // A recipient and a subject of `x\r\n…`, as code sends them that does not check its input.
    let recipient = "ada@example.org>\r\nRCPT TO:<eve@example.org";
    client.send_lines(&["EHLO x", "MAIL FROM:<shop@example.org>"]).await?;
    client.send(format!("RCPT TO:<{recipient}>\r\n").as_bytes()).await?;
    assert!(client.reply().await?.starts_with("250 "));
    client.send_lines(&["DATA"]).await?;
    client.send(b"Subject: Hi\r\nBcc: eve@example.org\r\n\r\nHello\r\n.\r\n").await?;
    let mail = mailbox.expect("ada@example.org").await?;
    mailbox.expect("eve@example.org").await?;
    assert_eq!(mail.recipients(), ["ada@example.org", "eve@example.org"]);
    let headers: Vec<_> = mail.headers().collect();
    assert_eq!(headers, [("Subject", "Hi"), ("Bcc", "eve@example.org")]);
    for fails in [
        &(|| drop(mail.assert_recipients(&["ada@example.org"]).clone())) as &(dyn Fn() + std::panic::RefUnwindSafe),
        &|| drop(mail.assert_no_header("bcc").clone()),
    ] {
        assert!(itest_panics(fails));
    }
    Ok(())
}

/// Whether an assertion fails.
fn itest_panics(assertion: &(dyn Fn() + std::panic::RefUnwindSafe)) -> bool {
    std::panic::catch_unwind(assertion).is_err()
}

#[integration_test]
async fn addresses_and_texts_in_utf8_arrive_unchanged(mailbox: &Mailbox) -> Result<()> {
    let mut client = RawClient::connect(mailbox).await?;
    let lines = ["EHLO x", "MAIL FROM:<käse@example.org> SMTPUTF8 BODY=8BITMIME", "RCPT TO:<pelé@example.org>", "DATA"];
    client.send_lines(&lines).await?;
    let message = "Subject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n25 €\r\n";
    client.send(format!("{message}.\r\n").as_bytes()).await?;
    let mail = mailbox.expect("pelé@example.org").await?;
    mail.assert_sender("käse@example.org").assert_subject("Grüße").assert_text_contains("25 €");
    assert_eq!(mail.raw(), message.as_bytes());
    Ok(())
}

#[integration_test]
async fn message_with_a_broken_tree_is_received_as_it_arrived(mailbox: &Mailbox) -> Result<()> {
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    let message = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=nonsense\r\n\r\n<p>\xff\r\n";
    client.send(&[message, &b".\r\n"[..]].concat()).await?;
    let mail = mailbox.expect("ada@example.org").await?;
    mail.assert_subject("");
    // A part in an unknown character set is no text.
    assert_eq!(mail.attachments()[0].content_type(), "text/html");
    assert_eq!(mail.raw(), message);
    Ok(())
}
