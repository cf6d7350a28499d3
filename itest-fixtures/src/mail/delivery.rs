//! Receives a complete mail, or lets its delivery fail as a fault says.

use std::io;

use itest_runtime::Fault;

use super::received_mail::Mail;
use super::recorder::Recorder;
use super::smtp::{Reply, SmtpStream};

/// What happens to a connection after a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterDelivery {
    Continue,
    Reset,
    /// The connection is reset when the client has read the reply.
    ResetAfterReply,
}

/// Receives a mail, unless a fault prevents it, and replies to the client.
pub(super) async fn deliver(recorder: &Recorder, stream: &mut SmtpStream, mail: Mail) -> io::Result<AfterDelivery> {
    let fault = recorder.fault_of(mail.envelope());
    let mut pending = recorder.begin_delivery(&mail, fault);
    // The mail is in the inbox before the client gets the reply, so a test that has waited for the client need not wait for the mail.
    if fault.is_none_or(Fault::is_processed) {
        recorder.inbox.deliver(&mail);
    }
    let accepted = Reply::new(250, "2.0.0 the mail is delivered");
    match fault {
        Some(Fault::Timeout) => {
            recorder.body_ended().await;
            return Ok(AfterDelivery::Reset);
        }
        Some(Fault::ResetBefore) => return Ok(AfterDelivery::Reset),
        Some(Fault::ResetDuring) => {
            let bytes = accepted.to_bytes();
            stream.send_bytes(&bytes[..bytes.len() / 2]).await?;
            return Ok(AfterDelivery::Reset);
        }
        Some(Fault::Cut(length)) => {
            let bytes = accepted.to_bytes();
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
            stream.send_bytes(&bytes[..length]).await?;
            return Ok(AfterDelivery::Reset);
        }
        Some(Fault::Latency(latency)) => tokio::time::sleep(latency).await,
        Some(Fault::ResetAfter) | None => {}
        Some(Fault::Status(code)) => {
            // The class of the enhanced code is that of the code (RFC 3463).
            let refused = Reply::new(code, format!("{}.0.0 a fault was injected", code / 100));
            pending.replied(&refused);
            stream.send(&refused).await?;
            return Ok(AfterDelivery::Continue);
        }
        // The enum may get further faults, and a user may plan a fault that a mailbox does not have.
        Some(fault) => {
            let refused = Reply::new(554, format!("5.3.5 a mailbox cannot inject {fault}"));
            pending.replied(&refused);
            stream.send(&refused).await?;
            return Ok(AfterDelivery::Continue);
        }
    }
    pending.replied(&accepted);
    stream.send(&accepted).await?;
    Ok(if fault == Some(Fault::ResetAfter) { AfterDelivery::ResetAfterReply } else { AfterDelivery::Continue })
}
