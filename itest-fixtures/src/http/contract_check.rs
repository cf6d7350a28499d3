//! Judges the answers of a service by its contract. Without the feature `contracts`, there is nothing to judge.

use std::panic::Location;
#[cfg(feature = "contracts")]
use std::sync::Arc;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::pending_exchange::PendingExchange;
use super::sent::Sent;
#[cfg(feature = "contracts")]
use super::sent::SentBody;
#[cfg(feature = "contracts")]
use crate::contract::{AnswerParts, Contract, Judge, RequestParts, message};

/// The contract of a client's service, if it has one.
#[derive(Debug, Clone, Default)]
pub(super) struct ContractCheck {
    #[cfg(feature = "contracts")]
    judge: Option<Arc<Judge>>,
}

/// An answer to judge. The body is None if it has not arrived yet.
#[cfg_attr(not(feature = "contracts"), expect(dead_code, reason = "only a contract reads it"))]
#[derive(Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: Option<&'a [u8]>,
}

#[cfg(not(feature = "contracts"))]
#[expect(clippy::unused_self, reason = "with the feature, the method needs it")]
impl ContractCheck {
    pub(super) fn judge(&self, _: &Sent, _: Answer<'_>, _: &mut PendingExchange, _: &'static Location<'static>) {}
}

#[cfg(feature = "contracts")]
impl ContractCheck {
    /// # Errors
    ///
    /// When the contract is wrong.
    pub(super) fn of(contract: &Contract) -> Result<Self, itest_runtime::Error> {
        Ok(Self { judge: Judge::of_http(contract)?.map(Arc::new) })
    }

    /// Judges an answer. If it breaks the contract, the test fails in the phase of the request, at the line that sent it.
    pub(super) fn judge(
        &self,
        sent: &Sent,
        answer: Answer<'_>,
        pending: &mut PendingExchange,
        caller: &'static Location<'static>,
    ) {
        let Some(judge) = &self.judge else { return };
        let body = match &sent.body {
            SentBody::Bytes(bytes) => Some(&**bytes),
            SentBody::Described { .. } => None,
        };
        let request = RequestParts {
            method: &sent.method,
            path: sent.url.path(),
            query: sent.url.query().unwrap_or_default(),
            headers: sent.headers(),
            body,
        };
        let Answer { status, headers, body } = answer;
        let answer = AnswerParts { status: status.as_u16(), headers, body };
        let violations = judge.judge_provider(&request, answer);
        if violations.is_empty() {
            return;
        }
        let message = message(&format!("the answer to {}", sent.line()), "the service", &violations);
        pending.violates(&violations, |attempt, phase| judge.report(message, phase, attempt, Some(caller)));
    }
}
