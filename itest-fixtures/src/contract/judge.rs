//! Judges the exchanges of a test, and reports the violations.

use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use itest_runtime::__private::{ContractViolation, Problem, RunningAttempt};
use itest_runtime::{Error, Phase, SourceLocation};

use super::compiled::Compiled;
use super::declaration::Contract;
use super::http_parts::{AnswerParts, RequestParts};
use super::mode::Mode;
use super::problem::ContractProblem;

/// The most violations that are reported of one party. A client that polls may repeat the same mistake thousands of times.
const MAX_REPORTED: usize = 10;

/// Judges the exchanges with one party by its contract.
#[derive(Debug)]
pub(crate) struct Judge {
    compiled: Arc<Compiled>,
    mode: Mode,
    /// The messages that were reported.
    reported: Mutex<Vec<String>>,
}

impl Judge {
    /// The judge of a contract. None if the run ignores contracts.
    ///
    /// # Errors
    ///
    /// When the contract is wrong. The error is at the line where the suite declares the contract.
    pub(crate) fn of_http(contract: &Contract) -> Result<Option<Self>, Error> {
        let declared = contract.declared();
        let mode = Mode::of_run().map_err(|reason| Error::at(reason, declared))?;
        if mode == Mode::Ignore {
            return Ok(None);
        }
        let compiled = contract.compiled().and_then(|compiled| compiled.check_http().map(|()| compiled));
        let compiled = compiled.map_err(|problem| Error::at(problem.to_string(), declared))?;
        Ok(Some(Self { compiled, mode, reported: Mutex::default() }))
    }

    /// Where a request breaks the contract.
    pub(crate) fn judge_request(&self, request: &RequestParts<'_>) -> Vec<ContractViolation> {
        known(self.compiled.judge_request(request))
    }

    /// Where an answer breaks the contract.
    pub(crate) fn judge_answer(&self, request: &RequestParts<'_>, answer: AnswerParts<'_>) -> Vec<ContractViolation> {
        known(self.compiled.judge_answer(request, answer))
    }

    /// Where an exchange breaks the contract from the side of its provider.
    pub(crate) fn judge_provider(&self, request: &RequestParts<'_>, answer: AnswerParts<'_>) -> Vec<ContractViolation> {
        known(self.compiled.judge_provider(request, answer))
    }

    /// Where the answer of a stub breaks the contract, if the run fails for it.
    pub(crate) fn judge_stub(&self, pattern: (Option<&str>, &str), answer: AnswerParts<'_>) -> Vec<ContractViolation> {
        // With warnings, each answer is reported when it is sent.
        if self.mode == Mode::Fail { known(self.compiled.judge_stub(pattern, answer)) } else { Vec::new() }
    }

    /// Fails the test in a phase, or adds a warning, once for equal messages.
    pub(crate) fn report(
        &self,
        message: String,
        phase: Phase,
        attempt: &RunningAttempt,
        location: Option<&'static Location<'static>>,
    ) {
        // With a fault that the test does not expect, an exchange may be incomplete.
        if attempt.is_disturbed() {
            return;
        }
        {
            let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
            if reported.len() >= MAX_REPORTED || reported.contains(&message) {
                return;
            }
            reported.push(message.clone());
        }
        match self.mode {
            Mode::Fail => {
                let location = location.map(|location| SourceLocation::new(location.to_string()));
                attempt.fail_in(phase, Problem { location, ..Problem::new(message) });
            }
            Mode::Warn => attempt.warn(message),
            Mode::Ignore => {}
        }
    }
}

/// The message of a failure: `POST /charge breaks the contract of payments`.
pub(crate) fn message(subject: &str, service: &str, violations: &[ContractViolation]) -> String {
    let violations: Vec<_> = violations.iter().map(|violation| format!("  {violation}")).collect();
    format!("{subject} breaks the contract of {service}\n{}", violations.join("\n"))
}

/// The violations. A contract whose schema is wrong is one of them, because the exchange cannot be judged.
fn known(judged: Result<Vec<ContractViolation>, ContractProblem>) -> Vec<ContractViolation> {
    judged.unwrap_or_else(|problem| {
        vec![ContractViolation {
            operation: String::new(),
            part: "contract".to_owned(),
            pointer: problem.pointer,
            expected: "a valid contract".to_owned(),
            actual: problem.reason,
            contract: problem.place,
        }]
    })
}
