//! Mails that are large, deeply nested or very many: a mailbox receives them in bounded time and memory.

use std::fmt::Write as _;

use itest::prelude::*;
use itest::{MailServer, MailServerOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::RawClient;

/// A mail server that accepts mails of 200 MB.
struct Large;

impl MailServer for Large {
    fn options() -> MailServerOptions {
        MailServerOptions::new().max_bytes(200_000_000)
    }
}

/// Forgets the memory that earlier tests of this process have used.
fn reset_peak_memory() -> Result<()> {
    Ok(std::fs::write("/proc/self/clear_refs", "5")?)
}

/// The most memory that this process has used since the last reset.
fn peak_memory_mebibytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    Ok(peak.ok_or("the kernel counts the memory")?.parse::<u64>()? >> 10)
}

#[integration_test]
async fn mail_of_100_megabytes_is_received_with_bounded_memory(mailbox: &Mailbox<Large>) -> Result<()> {
    reset_peak_memory()?;
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    client.0.write_all(b"Subject: large\r\n\r\n").await?;
    let line = [&[b'x'; 998][..], b"\r\n"].concat().repeat(1_000);
    for _ in 0..100 {
        client.0.write_all(&line).await?;
    }
    assert!(client.send(b".\r\n").await?.starts_with("250 "));
    let mail = mailbox.expect("ada@example.org").await?;
    mail.assert_subject("large");
    assert!(mail.text().len() > 100_000_000 - 1_000, "the text has {} bytes", mail.text().len());
    let peak = peak_memory_mebibytes()?;
    assert!(peak < 800, "the worker has used {peak} MiB");
    Ok(())
}

#[integration_test]
async fn mailbox_that_is_full_refuses_mails(mailbox: &Mailbox<Large>) -> Result<()> {
    // A mailbox that is not lenient fails the test.
    mailbox.lenient();
    let mut client = RawClient::connect(mailbox).await?;
    let line = [&[b'x'; 998][..], b"\r\n"].concat().repeat(1_000);
    let mut replies = Vec::new();
    for _ in 0..3 {
        client.begin_message().await?;
        for _ in 0..100 {
            client.0.write_all(&line).await?;
        }
        replies.push(client.send(b".\r\n").await?);
    }
    assert!(replies[0].starts_with("250 ") && replies[1].starts_with("250 "), "{replies:?}");
    assert_eq!(replies[2], "452 4.2.2 the mailbox is full: it stores 256 MiB");
    mailbox.expect("ada@example.org").await?;
    mailbox.expect("ada@example.org").await?;
    Ok(())
}

#[integration_test(timeout = "30s")]
async fn message_with_10000_nested_parts_is_received(
    mailbox: &Mailbox,
    #[values("multipart/mixed; boundary=b{n}", "message/rfc822")] content_type: &str,
) -> Result<()> {
    let mut message = String::new();
    for number in 0..10_000 {
        let content_type = content_type.replace("{n}", &number.to_string());
        write!(message, "Content-Type: {content_type}\r\n\r\n")?;
        if content_type.starts_with("multipart") {
            write!(message, "--b{number}\r\n")?;
        }
    }
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    assert!(client.send(format!("{message}end\r\n.\r\n").as_bytes()).await?.starts_with("250 "));
    let mail = mailbox.expect("ada@example.org").await?;
    assert_eq!(mail.raw().len(), message.len() + "end\r\n".len());
    mail.assert_subject("");
    assert!(mail.attachments().len() <= 10_000);
    Ok(())
}

#[integration_test(timeout = "50s")]
async fn flood_of_100000_mails_is_received_with_bounded_memory(mailbox: &Mailbox) -> Result<()> {
    const MAILS: usize = 100_000;
    mailbox.lenient();
    let stream = TcpStream::connect((mailbox.host(), mailbox.port())).await?;
    let (mut replies, mut commands) = stream.into_split();
    // The client does not wait for the replies, but reads them.
    let reading = tokio::spawn(async move {
        let mut bytes = vec![0; 64 * 1024];
        while replies.read(&mut bytes).await.is_ok_and(|length| length > 0) {}
    });
    let mail = "MAIL FROM:<shop@example.org>\r\nRCPT TO:<ada@example.org>\r\nDATA\r\nSubject: x\r\n\r\nbody\r\n.\r\n";
    commands.write_all(b"EHLO x\r\n").await?;
    for _ in 0..MAILS / 100 {
        commands.write_all(mail.repeat(100).as_bytes()).await?;
    }
    commands.write_all(b"QUIT\r\n").await?;
    reading.await?;
    assert_eq!(mailbox.received().len(), MAILS);
    let peak = peak_memory_mebibytes()?;
    assert!(peak < 800, "the worker has used {peak} MiB");
    Ok(())
}

#[integration_test(timeout = "30s")]
async fn mail_with_500000_links_is_received(mailbox: &Mailbox) -> Result<()> {
    const LINKS: usize = 500_000;
    let mut message = "Subject: links\r\n\r\n".to_owned();
    for number in 0..LINKS {
        write!(message, "https://a/{number}\r\n")?;
    }
    let mut client = RawClient::connect(mailbox).await?;
    client.begin_message().await?;
    assert!(client.send(format!("{message}.\r\n").as_bytes()).await?.starts_with("250 "));
    let mail = mailbox.expect("ada@example.org").await?;
    assert_eq!(mail.links().len(), LINKS);
    Ok(())
}
