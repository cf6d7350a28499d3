//! Clients that do not comply: a mailbox refuses them, survives them, and leaves nothing behind.

use itest::MailServer;
use itest::prelude::*;
use tokio::io::AsyncWriteExt;

use crate::{RawClient, Secure, Small, WithLogin};

/// The reply to these bytes after EHLO, and whether the connection has ended.
async fn reply_to<S: MailServer>(mailbox: &Mailbox<S>, bytes: &[u8]) -> Result<String> {
    let mut client = RawClient::connect(mailbox).await?;
    client.send_lines(&["EHLO x"]).await?;
    client.send(bytes).await
}

#[integration_test]
async fn mail_above_the_limit_is_read_and_refused_with_552(mailbox: &Mailbox<Small>) -> Result<()> {
    mailbox.lenient();
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    let line = [&[b'x'; 998][..], b"\r\n"].concat().repeat(1_000);
    for _ in 0..100 {
        client.0.write_all(&line).await?;
    }
    let reply = client.send(b".\r\n").await?;
    assert_eq!(reply, "552 5.3.4 the mail has 100000000 bytes, and the limit is 100000");
    // The connection remains usable.
    client.begin_message().await?;
    client.send(b"Subject: small\r\n\r\n.\r\n").await?;
    mailbox.expect("ada@example.org").await?.assert_subject("small");
    assert_eq!(mailbox.received().len(), 1);
    Ok(())
}

#[integration_test]
async fn announced_size_above_the_limit_is_refused_before_the_message(mailbox: &Mailbox<Small>) -> Result<()> {
    mailbox.lenient();
    let reply = reply_to(mailbox, b"MAIL FROM:<a@b> SIZE=100001\r\n").await?;
    assert_eq!(reply, "552 5.3.4 the mail has 100001 bytes, and the limit is 100000");
    Ok(())
}

#[integration_test]
async fn smuggled_mail_is_refused_and_the_connection_ends(
    mailbox: &Mailbox,
    #[values("\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r\n", "\r\n.\r")] end: &str,
) -> Result<()> {
    mailbox.lenient();
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    let smuggled = "MAIL FROM:<eve@example.org>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\nSubject: b\r\n\r\n.\r\n";
    let reply = client.send(format!("Subject: a\r\n\r\nfirst{end}{smuggled}").as_bytes()).await?;
    assert!(reply.starts_with("554 5.6.0 a line ends with"), "{reply:?}");
    assert!(client.is_closed().await && mailbox.received().is_empty());
    Ok(())
}

#[integration_test]
async fn command_with_a_bare_line_feed_is_refused(mailbox: &Mailbox) -> Result<()> {
    mailbox.lenient();
    let reply = reply_to(mailbox, b"NOOP\n").await?;
    assert!(reply.starts_with("500 5.5.2 a line must end with CR and LF"), "{reply:?}");
    Ok(())
}

#[integration_test]
async fn tls_on_the_plain_port_is_refused(mailbox: &Mailbox) -> Result<()> {
    mailbox.lenient();
    let mut client = RawClient::connect(mailbox).await?;
    let hello = [&[0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00][..], b"\n"].concat();
    let reply = client.send(&hello).await?;
    assert!(reply.starts_with("500 5.5.2 the client begins TLS without STARTTLS"), "{reply:?}");
    assert!(client.is_closed().await);
    Ok(())
}

#[integration_test]
async fn commands_before_the_handshake_are_refused(mailbox: &Mailbox<Secure>) -> Result<()> {
    mailbox.lenient();
    let reply = reply_to(mailbox, b"STARTTLS\r\nMAIL FROM:<eve@example.org>\r\n").await?;
    assert!(reply.starts_with("503 5.5.1 commands that were sent before the handshake"), "{reply:?}");
    Ok(())
}

#[integration_test]
async fn mail_without_a_login_is_refused(mailbox: &Mailbox<WithLogin>) -> Result<()> {
    mailbox.lenient();
    let reply = reply_to(mailbox, b"MAIL FROM:<a@b>\r\n").await?;
    assert_eq!(reply, "530 5.7.0 the client must log in before it sends a mail");
    Ok(())
}

#[integration_test]
async fn wrong_credentials_are_refused_and_their_password_is_not_shown(mailbox: &Mailbox<WithLogin>) -> Result<()> {
    mailbox.lenient();
    // `\0shop\0wr0ng` and `\0root\0wr0ng`.
    let password = reply_to(mailbox, b"AUTH PLAIN AHNob3AAd3Iwbmc=\r\n").await?;
    assert_eq!(password, "535 5.7.8 the password of \"shop\" is not the one that the mailbox requires");
    let user = reply_to(mailbox, b"AUTH PLAIN AHJvb3QAd3Iwbmc=\r\n").await?;
    assert_eq!(user, "535 5.7.8 the mailbox requires the user \"shop\"");
    let given_up = reply_to(mailbox, b"AUTH LOGIN\r\n*\r\n").await?;
    assert_eq!(given_up, "334 VXNlcm5hbWU6");
    assert!(reply_to(mailbox, b"AUTH CRAM-MD5\r\n").await?.starts_with("501 "));
    Ok(())
}

#[integration_test]
async fn client_that_is_refused_again_and_again_is_sent_away(mailbox: &Mailbox) -> Result<()> {
    mailbox.lenient();
    let mut client = RawClient::connect(mailbox).await?;
    let mut replies = 0;
    loop {
        let reply = client.send_lines(&["NONSENSE"]).await?;
        replies += 1;
        if reply.starts_with("421 ") {
            break;
        }
        assert!(reply.starts_with("500 ") && replies < 100, "{reply:?}");
    }
    assert!(client.is_closed().await);
    Ok(())
}

#[integration_test]
async fn client_that_leaves_in_the_message_has_sent_no_mail(mailbox: &Mailbox) -> Result<()> {
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    client.0.write_all(b"Subject: half").await?;
    drop(client);
    let limit = std::time::Duration::from_millis(500);
    let explained = async || mailbox.expect("ada@example.org").within(limit / 50).await.unwrap_err().to_string();
    let expected =
        "mail has received no mail in 1 connections\n  a client closed its connection in the middle of a message";
    eventually(explained).until(|error| error.contains(expected)).await?;
    Ok(())
}

/// The test ends at once although clients wait in every state of a session.
#[integration_test(timeout = "4s")]
async fn clients_that_never_finish_do_not_delay_the_end(mailbox: &Mailbox, teardown: &Teardown) -> Result<()> {
    let mut clients = Vec::new();
    for part in ["", "EHLO x", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nSubject: half"] {
        let mut client = RawClient::connect(mailbox).await?;
        client.0.write_all(part.as_bytes()).await?;
        clients.push(client);
    }
    // The connections stay open until the next step of the teardown.
    teardown.defer("close the clients", async move { drop(clients) });
    Ok(())
}

#[integration_test]
async fn endless_line_is_refused_before_it_fills_the_memory(mailbox: &Mailbox) -> Result<()> {
    mailbox.lenient();
    let mut client = RawClient::connect(mailbox).await?;
    let reply = client.send(&[b'x'; 16 * 1024]).await?;
    assert_eq!(reply, "500 5.5.2 the line is too long");
    Ok(())
}
