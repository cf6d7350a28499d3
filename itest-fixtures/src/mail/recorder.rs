//! What a mailbox has received and refused, and the faults that it injects.

use std::fmt::Write as _;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use itest_runtime::__private::{CallKind, Exchange, Problem, redacted};
use itest_runtime::{Fault, TestInfo};

use super::envelope::Envelope;
use super::inbox::{Inbox, Unexpected, Wanted};
use super::options::MailServerOptions;
use super::received_mail::Mail;
use super::smtp::Reply;
use crate::injection::Injection;

/// The most failures that a mailbox reports of a test. A client that tries again may be refused thousands of times.
const MAX_REPORTED: usize = 10;

/// The most mails that a failure lists.
const MAX_LISTED: usize = 10;

/// The maximum number of characters of a mail in an exchange.
const MAX_SHOWN_CHARS: usize = 1024;

/// The state that a mailbox shares with its connections.
#[derive(Debug)]
pub(super) struct Recorder {
    name: &'static str,
    info: TestInfo,
    pub(super) options: MailServerOptions,
    pub(super) inbox: Inbox,
    injections: Mutex<Vec<MountedInjection>>,
    /// The explanations of refusals that were reported. A client that tries again is refused for the same reason many times.
    reported: Mutex<Vec<String>>,
    /// Why commands were refused or connections ended without a mail, for the explanation of a mail that is missing.
    incidents: Mutex<Vec<String>>,
    connections: AtomicUsize,
    is_lenient: AtomicBool,
}

/// A fault that is injected.
#[derive(Debug)]
pub(super) struct MountedInjection {
    pub(super) fault: Fault,
    /// The recipient whose mails get the fault. None for all mails.
    pub(super) recipient: Option<String>,
    pub(super) injection: Injection,
    /// Where the test injected the fault.
    pub(super) location: &'static Location<'static>,
}

impl Recorder {
    pub(super) fn new(name: &'static str, info: TestInfo, options: MailServerOptions) -> Self {
        Self {
            name,
            info,
            options,
            inbox: Inbox::default(),
            injections: Mutex::default(),
            reported: Mutex::default(),
            incidents: Mutex::default(),
            connections: AtomicUsize::new(0),
            is_lenient: AtomicBool::new(false),
        }
    }

    pub(super) fn be_lenient(&self) {
        self.is_lenient.store(true, Ordering::Relaxed);
    }

    pub(super) fn add_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn inject(&self, mounted: MountedInjection) {
        lock(&self.injections).push(mounted);
    }

    /// The fault that a delivery gets.
    pub(super) fn fault_of(&self, envelope: &Envelope) -> Option<Fault> {
        let planned = self.info.running().fault_of_call(CallKind::Delivery, self.name, || envelope.operation_of_call());
        if planned.is_some() {
            return planned;
        }
        // An injection does not count a delivery that gets the fault of an earlier injection.
        let injections = lock(&self.injections);
        let triggered = injections.iter().find(|mounted| {
            let matches = mounted.recipient.as_ref().is_none_or(|recipient| envelope.has_recipient(recipient));
            matches && mounted.injection.triggers()
        });
        triggered.map(|mounted| mounted.fault)
    }

    /// Waits until the body of the test has ended.
    pub(super) async fn body_ended(&self) {
        self.info.running().body_ended().await;
    }

    /// Fails the test, because the server refuses what a client sent. `what` is the command.
    pub(super) fn refuse(&self, what: &str, reply: &Reply, reason: &str) {
        let message = format!("{} refused {what}: {reason}", self.name);
        self.add_incident(&message);
        let mut exchange = self.exchange(what.to_owned());
        exchange.status = Some(reply.code().to_string());
        exchange.remark = Some(reason.to_owned());
        self.info.add_exchange(exchange, |_| {});
        let mut reported = lock(&self.reported);
        let is_new = reported.len() < MAX_REPORTED && !reported.contains(&message);
        // With a fault that the test does not expect, the client may also do something that the test does not expect.
        let is_lenient = self.is_lenient.load(Ordering::Relaxed) || self.info.running().is_disturbed();
        if is_new && !is_lenient {
            reported.push(message.clone());
            self.info.fail_in(self.info.phase(), Problem::new(message));
        }
    }

    /// Records a connection that its client has ended too early. That is no failure of its own, because a test that expects the mail fails.
    pub(super) fn record_lost(&self, what: &str) {
        self.add_incident(&format!("a client closed its connection {what}"));
        let mut exchange = self.exchange("connection".to_owned());
        exchange.remark = Some(format!("the client closed it {what}"));
        self.info.add_exchange(exchange, |_| {});
    }

    fn add_incident(&self, incident: &str) {
        let mut incidents = lock(&self.incidents);
        if incidents.len() < MAX_LISTED {
            incidents.push(incident.to_owned());
        }
    }

    /// An exchange that begins now.
    fn exchange(&self, operation: String) -> Exchange {
        let mut exchange = Exchange::new(self.name, operation, self.info.phase());
        exchange.at = self.info.elapsed();
        exchange
    }

    /// Begins the exchange of a delivery.
    pub(super) fn begin_delivery(&self, mail: &Mail, fault: Option<Fault>) -> PendingDelivery<'_> {
        let mut exchange = self.exchange(String::new());
        exchange.request_bytes = mail.raw().len() as u64;
        exchange.fault = fault.map(|fault| fault.to_string());
        PendingDelivery { info: &self.info, exchange, mail: mail.clone() }
    }

    /// Why a mail that a test expects has not arrived.
    pub(super) fn explain_missing(&self, wanted: &Wanted, limit: Duration) -> String {
        let Wanted { recipient, subject } = wanted;
        let subject = subject.as_ref().map_or_else(String::new, |subject| format!(" with the subject {subject:?}"));
        let mut text = format!("no mail to {recipient}{} arrived within {limit:?}", redacted(&subject));
        let (mails, unexpected) = (self.inbox.mails(), self.inbox.unexpected());
        if mails.is_empty() {
            let connections = self.connections.load(Ordering::Relaxed);
            let _ = write!(text, "; {} has received no mail in {connections} connections", self.name);
        } else {
            let _ = write!(text, "; {} has received:", self.name);
        }
        for mail in mails.iter().rev().take(MAX_LISTED).rev() {
            let is_expected = !unexpected.iter().any(|unexpected| unexpected.mail.is(mail));
            let suffix = if is_expected { ", which was expected already" } else { "" };
            let _ = write!(text, "\n  {}{suffix}", mail.in_one_line());
        }
        for incident in &*lock(&self.incidents) {
            let _ = write!(text, "\n  {incident}");
        }
        text
    }

    /// Fails the test for each mail that was not expected, and for each fault that was never triggered.
    pub(super) fn check(&self) {
        if self.is_lenient.load(Ordering::Relaxed) || self.info.running().is_disturbed() {
            return;
        }
        let unexpected = self.inbox.unexpected();
        for Unexpected { mail, recipients } in unexpected.iter().take(MAX_REPORTED) {
            let not_for_all = if recipients.len() < mail.recipients().len() {
                format!("; it was not expected for {}", recipients.join(", "))
            } else {
                String::new()
            };
            let line = mail.in_one_line();
            self.info.fail_with(Problem::new(format!("{} received an unexpected mail {line}{not_for_all}", self.name)));
        }
        if let Some(more) = unexpected.len().checked_sub(MAX_REPORTED).filter(|more| *more > 0) {
            self.info.fail_with(Problem::new(format!("{} received {more} more unexpected mails", self.name)));
        }
        for MountedInjection { fault, recipient, injection, location } in &*lock(&self.injections) {
            let to = recipient.as_ref().map_or_else(String::new, |recipient| format!(" on mails to {recipient}"));
            injection.check(&format!("the fault {fault}{to} of {}", self.name), &self.info, location);
        }
    }
}

/// The exchange of a delivery, which is recorded when its reply is known, or when the connection ends before.
pub(super) struct PendingDelivery<'r> {
    info: &'r TestInfo,
    exchange: Exchange,
    mail: Mail,
}

impl PendingDelivery<'_> {
    /// The server has replied.
    pub(super) fn replied(&mut self, reply: &Reply) {
        self.exchange.status = Some(reply.code().to_string());
        reply.text().clone_into(&mut self.exchange.response);
    }
}

impl Drop for PendingDelivery<'_> {
    fn drop(&mut self) {
        let (mut exchange, mail) = (self.exchange.clone(), self.mail.clone());
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        exchange.response_bytes = exchange.response.len() as u64;
        self.info.add_exchange(exchange, move |exchange| {
            exchange.operation = format!("SEND {}", redacted(&mail.envelope().shown_recipients()));
            exchange.request = mail.to_string().chars().take(MAX_SHOWN_CHARS).collect();
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
