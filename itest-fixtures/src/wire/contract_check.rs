//! Judges the exchanges of a stand-in by the contract of its service. Without the feature `contracts`, there is nothing to judge.

#[cfg(feature = "contracts")]
use std::sync::atomic::{AtomicBool, Ordering};

use itest_runtime::__private::ContractViolation;
use itest_runtime::{Error, TestInfo};

use super::api::Api;
use super::pattern::RequestPattern;
use super::received::Received;
use super::reply::{FixedReply, Reply};
#[cfg(feature = "contracts")]
use crate::contract::{AnswerParts, Judge, RequestParts, message};

/// The contract of a stand-in's service, if it has one.
#[derive(Debug)]
pub(super) struct ContractCheck {
    #[cfg(feature = "contracts")]
    judge: Option<Judge>,
    /// The name of the service.
    #[cfg(feature = "contracts")]
    name: &'static str,
    #[cfg(feature = "contracts")]
    is_ignored: AtomicBool,
}

#[cfg(not(feature = "contracts"))]
#[expect(
    clippy::extra_unused_type_parameters,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "with the feature, the methods need them"
)]
impl ContractCheck {
    pub(super) fn of_api<A: Api>() -> Result<Self, Error> {
        Ok(Self {})
    }

    pub(super) fn check_stub(&self, _: &RequestPattern, _: &Reply) {}

    pub(super) fn judge_request(&self, _: &Received, _: &TestInfo) -> Vec<ContractViolation> {
        Vec::new()
    }

    pub(super) fn judge_answer(&self, _: &Received, _: &FixedReply, _: &TestInfo) -> Vec<ContractViolation> {
        Vec::new()
    }
}

#[cfg(feature = "contracts")]
impl ContractCheck {
    /// # Errors
    ///
    /// When the contract is wrong.
    pub(super) fn of_api<A: Api>() -> Result<Self, Error> {
        let judge = A::contract().map(|contract| Judge::of_http(&contract)).transpose()?.flatten();
        Ok(Self { judge, name: A::NAME, is_ignored: AtomicBool::new(false) })
    }

    pub(super) fn ignore(&self) {
        self.is_ignored.store(true, Ordering::Relaxed);
    }

    fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref().filter(|_| !self.is_ignored.load(Ordering::Relaxed))
    }

    /// Checks the replies of a stub that are known before a request arrives.
    #[expect(clippy::panic, reason = "a reply that the contract forbids is a mistake in the test")]
    #[track_caller]
    pub(super) fn check_stub(&self, pattern: &RequestPattern, reply: &Reply) {
        let Some(judge) = self.judge() else { return };
        for reply in reply.fixed_replies() {
            let body = reply.chunks.concat();
            let violations = judge.judge_stub(pattern.address(), answer_parts(reply, &body));
            if !violations.is_empty() {
                let subject = format!("the stub for {pattern}");
                panic!("{}", message(&subject, self.name, &violations));
            }
        }
    }

    /// Where a request breaks the contract. The test fails in the current phase.
    pub(super) fn judge_request(&self, request: &Received, info: &TestInfo) -> Vec<ContractViolation> {
        let Some(judge) = self.judge() else { return Vec::new() };
        let violations = judge.judge_request(&request_parts(request));
        self.report(judge, &request.operation(), &violations, info);
        violations
    }

    /// Where a reply breaks the contract. The test fails in the current phase.
    pub(super) fn judge_answer(
        &self,
        request: &Received,
        reply: &FixedReply,
        info: &TestInfo,
    ) -> Vec<ContractViolation> {
        let Some(judge) = self.judge() else { return Vec::new() };
        let body = reply.chunks.concat();
        let violations = judge.judge_answer(&request_parts(request), answer_parts(reply, &body));
        self.report(judge, &format!("the answer to {}", request.operation()), &violations, info);
        violations
    }

    fn report(&self, judge: &Judge, subject: &str, violations: &[ContractViolation], info: &TestInfo) {
        if !violations.is_empty() {
            judge.report(message(subject, self.name, violations), info.phase(), info.running(), None);
        }
    }
}

#[cfg(feature = "contracts")]
fn request_parts(request: &Received) -> RequestParts<'_> {
    RequestParts {
        method: request.method(),
        path: request.path(),
        query: request.raw_query(),
        headers: request.header_map(),
        body: Some(request.bytes()),
    }
}

#[cfg(feature = "contracts")]
fn answer_parts<'a>(reply: &'a FixedReply, body: &'a [u8]) -> AnswerParts<'a> {
    AnswerParts { status: reply.status.as_u16(), headers: &reply.headers, body: Some(body) }
}
