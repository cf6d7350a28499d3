//! How a description judges the exchanges of an operation.

use itest_runtime::__private::ContractViolation;

use super::super::explanation::Breach;
use super::super::http_parts::{AnswerParts, RequestParts};
use super::super::problem::ContractProblem;
use super::answer::AnswerBreach;
use super::description::{Match, OpenApi};
use super::media::Described;
use super::operation::Operation;
use super::view::RequestView;

/// The most operations that a message names.
const MAX_NAMED: usize = 4;

impl OpenApi {
    /// Where a request breaks the contract.
    ///
    /// # Errors
    ///
    /// When a schema of the operation is invalid.
    pub(in super::super) fn judge_request(
        &self,
        request: &RequestParts<'_>,
    ) -> Result<Vec<ContractViolation>, ContractProblem> {
        let (operation, parameters) = match self.operation_of(request.method, request.path) {
            Match::Operation { operation, parameters } => (operation, parameters),
            Match::OtherMethods(others) => return Ok(vec![self.other_method(request, &others)]),
            Match::None => return Ok(vec![self.no_operation(request)]),
        };
        let view = RequestView::new(request, parameters);
        let mut violations = Vec::new();
        if let Some(breach) = operation.security.judge(&view) {
            violations.push(violation(operation, "credentials of the request".to_owned(), breach));
        }
        for parameter in &operation.parameters {
            for breach in parameter.judge(&view)? {
                violations.push(violation(operation, format!("{} of the request", parameter.label()), breach));
            }
        }
        if let Some(body) = request.body {
            for breach in judge_body(operation, Described { headers: request.headers, body })? {
                violations.push(violation(operation, "body of the request".to_owned(), breach));
            }
        }
        Ok(violations)
    }

    /// The violation, if the contract has no such operation, or the operation requires a credential and the request has none.
    pub(in super::super) fn judge_access(&self, request: &RequestParts<'_>) -> Option<ContractViolation> {
        let (operation, parameters) = match self.operation_of(request.method, request.path) {
            Match::Operation { operation, parameters } => (operation, parameters),
            Match::OtherMethods(others) => return Some(self.other_method(request, &others)),
            Match::None => return Some(self.no_operation(request)),
        };
        let breach = operation.security.judge(&RequestView::new(request, parameters))?;
        Some(violation(operation, "credentials of the request".to_owned(), breach))
    }

    /// Where an answer breaks the contract. None of a request that the contract does not have.
    ///
    /// # Errors
    ///
    /// When a schema of the operation is invalid.
    pub(in super::super) fn judge_answer(
        &self,
        request: &RequestParts<'_>,
        answer: AnswerParts<'_>,
    ) -> Result<Vec<ContractViolation>, ContractProblem> {
        match self.operation_of(request.method, request.path) {
            Match::Operation { operation, .. } => judge_answer(operation, answer),
            Match::OtherMethods(_) | Match::None => Ok(Vec::new()),
        }
    }

    /// Where the answer of a stub breaks the contract, for all requests that the stub may answer.
    ///
    /// # Errors
    ///
    /// When a schema of an operation is invalid.
    pub(in super::super) fn judge_stub(
        &self,
        (method, path): (Option<&str>, &str),
        answer: AnswerParts<'_>,
    ) -> Result<Vec<ContractViolation>, ContractProblem> {
        let operations = self.operations_of_pattern(method, path);
        let mut first = None;
        for operation in operations {
            let violations = judge_answer(operation, answer)?;
            if violations.is_empty() {
                return Ok(violations);
            }
            first.get_or_insert(violations);
        }
        let no_operation = || vec![self.missing("stub", &format!("{} {path}", method.unwrap_or("any method")), path)];
        Ok(first.unwrap_or_else(no_operation))
    }

    fn other_method(&self, request: &RequestParts<'_>, others: &[&Operation]) -> ContractViolation {
        let expected: Vec<_> = others.iter().map(|operation| operation.name.as_str()).collect();
        ContractViolation {
            operation: String::new(),
            part: "method of the request".to_owned(),
            pointer: String::new(),
            expected: expected.join(" or "),
            actual: operation_shown(request.method, request.path),
            contract: others.first().map_or_else(|| self.source.clone(), |operation| operation.source.clone()),
        }
    }

    fn no_operation(&self, request: &RequestParts<'_>) -> ContractViolation {
        self.missing("path of the request", &operation_shown(request.method, request.path), request.path)
    }

    fn missing(&self, part: &str, actual: &str, path: &str) -> ContractViolation {
        let last = path.trim_end_matches('/').split('/').rfind(|segment| !segment.starts_with('{')).unwrap_or_default();
        let first = path.split('/').nth(1).unwrap_or_default();
        let is_close = |operation: &&Operation| {
            operation.path.text.split('/').any(|segment| !segment.is_empty() && (segment == first || segment == last))
        };
        let close: Vec<_> =
            self.operations.iter().filter(is_close).map(|operation| operation.name.as_str()).take(MAX_NAMED).collect();
        let expected = match (close.as_slice(), self.operations.len()) {
            ([], count) if count <= MAX_NAMED => {
                self.operations.iter().map(|operation| operation.name.as_str()).collect::<Vec<_>>().join(" or ")
            }
            ([], count) => format!("one of the {count} operations of the contract"),
            (close, _) => format!("an operation of the contract, such as {}", close.join(" or ")),
        };
        ContractViolation {
            operation: String::new(),
            part: part.to_owned(),
            pointer: String::new(),
            expected,
            actual: actual.to_owned(),
            contract: self.source.clone(),
        }
    }
}

fn operation_shown(method: &str, path: &str) -> String {
    format!("{method} {}", itest_runtime::__private::redacted(path))
}

fn judge_body(operation: &Operation, body: Described<'_>) -> Result<Vec<Breach>, ContractProblem> {
    match &operation.body {
        Some(stated) => stated.judge(body),
        None if body.body.is_empty() => Ok(Vec::new()),
        None => Ok(vec![Breach {
            pointer: String::new(),
            expected: "no body".to_owned(),
            actual: format!("a body of {} bytes", body.body.len()),
            place: operation.source.clone(),
        }]),
    }
}

fn judge_answer(operation: &Operation, answer: AnswerParts<'_>) -> Result<Vec<ContractViolation>, ContractProblem> {
    let breaches = operation.answers.judge(&operation.method, answer)?;
    Ok(breaches.into_iter().map(|AnswerBreach { part, breach }| violation(operation, part, breach)).collect())
}

fn violation(operation: &Operation, part: String, breach: Breach) -> ContractViolation {
    let Breach { pointer, expected, actual, place } = breach;
    ContractViolation { operation: operation.name.clone(), part, pointer, expected, actual, contract: place }
}
