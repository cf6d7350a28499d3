//! The exchanges of a server in process, and the requests that fail the test.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::__private::{Exchange, Problem, redacted};
use itest_runtime::{Outcome, TestInfo};

use super::imitation::Imitation;
use crate::wire::{Reporter, ShownBeginning, operation, report_request_of_client};

/// The name of the server in reports.
pub(super) const NAME: &str = "S3";

/// The most failures that a bucket reports of a test. A client that tries again may be refused thousands of times.
const MAX_REPORTED: usize = 10;

/// What a bucket reports of its test.
#[derive(Debug)]
pub(super) struct Recorder {
    info: TestInfo,
    is_lenient: AtomicBool,
    allows_unfinished_uploads: AtomicBool,
    /// The texts of failures that were reported.
    reported: Mutex<Vec<String>>,
}

/// A multipart upload that the code under test has neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnfinishedUpload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) id: String,
}

/// The error of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl Recorder {
    pub(super) fn new(info: TestInfo) -> Self {
        Self {
            info,
            is_lenient: AtomicBool::new(false),
            allows_unfinished_uploads: AtomicBool::new(false),
            reported: Mutex::default(),
        }
    }

    pub(super) fn be_lenient(&self) {
        self.is_lenient.store(true, Ordering::Relaxed);
    }

    pub(super) fn allow_unfinished_uploads(&self) {
        self.allows_unfinished_uploads.store(true, Ordering::Relaxed);
    }

    /// Begins the exchange of a request that the server has received at a port.
    pub(super) fn begin(self: &Arc<Self>, method: &str, target: &str, port: u16) -> PendingExchange {
        let mut exchange = Exchange::new(NAME, String::new(), self.info.phase());
        exchange.at = self.info.elapsed();
        let sender = report_request_of_client(port, method, target, &Reporter::Endpoint);
        exchange.from = sender.map(|sender| sender.to_string());
        let (method, target) = (method.to_owned(), without_signature(target));
        PendingExchange {
            recorder: Arc::clone(self),
            exchange,
            method,
            target,
            request: Arc::default(),
            response: Vec::new(),
        }
    }

    /// Fails the test if the refusal of a request shows a mistake that the code under test may not notice.
    fn report(&self, request: &str, refusal: &Refusal) {
        let Some(explanation) = explanation_of(refusal) else { return };
        let message = format!("{NAME} refused {request}: {explanation}");
        let mut reported = lock(&self.reported);
        let is_new = reported.len() < MAX_REPORTED && !reported.contains(&message);
        // With a fault that the test does not expect, the client may also do something that the test does not expect.
        let is_lenient = self.is_lenient.load(Ordering::Relaxed) || self.info.running().is_disturbed();
        if is_new && !is_lenient {
            reported.push(message.clone());
            self.info.fail_in(self.info.phase(), Problem::new(message));
        }
    }

    /// Fails a test that passed otherwise for each multipart upload that is unfinished. A test that failed may not have come that far.
    pub(super) fn check_uploads(&self, outcome: Outcome, unfinished: &[UnfinishedUpload]) {
        let is_allowed = self.allows_unfinished_uploads.load(Ordering::Relaxed) || self.info.running().is_disturbed();
        if outcome != Outcome::Passed || is_allowed {
            return;
        }
        for UnfinishedUpload { bucket, key, id } in unfinished.iter().take(MAX_REPORTED) {
            self.info.fail_with(Problem::new(format!(
                "the multipart upload {id} of {} to the bucket {bucket} was neither completed nor aborted",
                redacted(key)
            )));
        }
        if let Some(more) = unfinished.len().checked_sub(MAX_REPORTED).filter(|more| *more > 0) {
            self.info
                .fail_with(Problem::new(format!("{more} more multipart uploads were neither completed nor aborted")));
        }
    }
}

/// The multipart uploads to all buckets of a server that are unfinished.
pub(super) fn unfinished_uploads(s3: &Imitation) -> Vec<UnfinishedUpload> {
    let contents = s3.contents();
    let uploads = contents.buckets().flat_map(|(bucket, inside)| {
        inside.uploads.iter().map(|(id, upload)| UnfinishedUpload {
            bucket: bucket.to_owned(),
            key: upload.key.clone(),
            id: id.clone(),
        })
    });
    uploads.collect()
}

/// Why a refused request fails the test. None if a test may expect the refusal.
fn explanation_of(Refusal { code, message }: &Refusal) -> Option<String> {
    let hint = match code.as_str() {
        "NotImplemented" => "the server in process is an imitation of S3 without this operation or option",
        "SignatureDoesNotMatch" => {
            "the client must sign with the secret key of this test, for the host and the path that it sends"
        }
        "InvalidAccessKeyId" => "every test has an access key of its own, which the client must use",
        "EntityTooLarge" | "XAmzContentSHA256Mismatch" | "BadDigest" | "RequestTimeTooSkewed" => "",
        _ => return None,
    };
    let parts = [code.as_str(), message.as_str(), hint];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": "))
}

/// An exchange that is recorded when its answer is known, or when the client does not wait for it any longer.
pub(super) struct PendingExchange {
    recorder: Arc<Recorder>,
    exchange: Exchange,
    method: String,
    target: String,
    pub(super) request: Arc<Mutex<SeenBody>>,
    response: Vec<u8>,
}

/// The part of a body that was seen so far.
#[derive(Debug, Default)]
pub(super) struct SeenBody {
    beginning: ShownBeginning,
    bytes: u64,
    is_hidden: bool,
}

impl SeenBody {
    pub(super) fn add(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        if !self.is_hidden {
            self.beginning.add(part);
        }
    }
}

impl PendingExchange {
    /// Does not record the text of the request's body, because it contains signatures.
    pub(super) fn hide_request(&self) {
        lock(&self.request).is_hidden = true;
    }

    /// The server has an answer.
    pub(super) fn answered(&mut self, status: u16, body: &[u8], refusal: Option<Refusal>) {
        self.exchange.status = Some(status.to_string());
        self.exchange.response_bytes = body.len() as u64;
        let mut beginning = SeenBody::default();
        beginning.add(body);
        self.response = beginning.beginning.shown().into_bytes();
        if let Some(refusal) = refusal {
            self.recorder.report(&operation(&self.method, &self.target), &refusal);
            self.exchange.remark = Some(refusal.code);
        }
    }
}

impl Drop for PendingExchange {
    fn drop(&mut self) {
        let info = &self.recorder.info;
        let mut exchange = self.exchange.clone();
        exchange.elapsed = info.elapsed().saturating_sub(exchange.at);
        let request = Arc::clone(&self.request);
        exchange.request_bytes = lock(&request).bytes;
        let (method, target) = (std::mem::take(&mut self.method), std::mem::take(&mut self.target));
        let response = std::mem::take(&mut self.response);
        info.add_exchange(exchange, move |exchange| {
            exchange.operation = operation(&method, &target);
            exchange.request = lock(&request).beginning.shown();
            exchange.response = String::from_utf8_lossy(&response).into_owned();
        });
    }
}

/// A target without the parameters that sign it, because they are secret, and long.
fn without_signature(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let is_signature = |pair: &&str| pair.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("x-amz-"));
    let pairs: Vec<&str> = query.split('&').filter(|pair| !is_signature(pair)).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Locks a mutex, even if a thread has panicked while it had locked it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_of_a_url_is_not_recorded() {
        let target = "/b/k?partNumber=1&X-Amz-Signature=abc&X-Amz-Credential=key&uploadId=u";
        assert_eq!(without_signature(target), "/b/k?partNumber=1&uploadId=u");
        assert_eq!(without_signature("/b/k?X-Amz-Signature=abc"), "/b/k");
    }

    #[test]
    fn only_refusals_that_show_a_mistake_fail_the_test() {
        let refusal = |code: &str| Refusal { code: code.to_owned(), message: String::new() };
        for code in ["NoSuchKey", "PreconditionFailed", "AccessDenied", "IncompleteBody"] {
            assert_eq!(explanation_of(&refusal(code)), None, "{code}");
        }
        for code in ["NotImplemented", "SignatureDoesNotMatch", "InvalidAccessKeyId", "EntityTooLarge"] {
            assert!(explanation_of(&refusal(code)).is_some_and(|text| text.starts_with(code)), "{code}");
        }
    }
}
