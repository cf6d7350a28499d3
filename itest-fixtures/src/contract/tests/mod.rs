//! Tests of contracts: what a description allows, what it forbids, and what a message says of it.

mod answers;
mod bad_input;
mod requests;
mod styles;

use std::fs;
use std::path::Path;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use itest_runtime::__private::ContractViolation;

use super::declaration::Contract;
use super::http_parts::{AnswerParts, RequestParts};

/// The contract of the payment provider.
fn payments() -> Contract {
    Contract::in_package(env!("CARGO_MANIFEST_DIR"), "tests/contracts/files/payments.yaml")
}

/// A contract with this text, in a folder of its own.
fn contract_of(text: &str) -> (tempfile::TempDir, Contract) {
    contract_in("contract.yaml", text)
}

fn contract_in(file: &str, text: &str) -> (tempfile::TempDir, Contract) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), text).unwrap();
    let contract = Contract::in_package(leaked(folder.path()), file);
    (folder, contract)
}

/// The folder of a package is a constant of the suite.
fn leaked(folder: &Path) -> &'static str {
    folder.to_string_lossy().into_owned().leak()
}

/// A request or an answer.
#[derive(Debug, Clone)]
struct Sent {
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    /// A request with a token.
    fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let sent = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        sent.header("authorization", "Bearer s3cret")
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn without(mut self, header: &str) -> Self {
        self.headers.remove(header);
        self
    }

    fn json(self, body: impl AsRef<[u8]>) -> Self {
        let sent = self.header("content-type", "application/json; charset=utf-8");
        Self { body: body.as_ref().to_vec(), ..sent }
    }

    fn parts(&self) -> RequestParts<'_> {
        let Self { method, path, query, headers, body } = self;
        RequestParts { method, path, query, headers, body: Some(body) }
    }

    /// Where the request breaks a contract.
    fn judged(&self, contract: &Contract) -> Vec<String> {
        in_lines(contract.compiled().unwrap().judge_request(&self.parts()).unwrap())
    }

    /// Where an answer to the request breaks a contract.
    fn answered(&self, contract: &Contract, status: u16, answer: &Self) -> Vec<String> {
        let answer = AnswerParts { status, headers: &answer.headers, body: Some(&answer.body) };
        in_lines(contract.compiled().unwrap().judge_answer(&self.parts(), answer).unwrap())
    }
}

/// The violations, each in one line: `PART POINTER | EXPECTED | ACTUAL | SOURCE`. The source is the line of the contract itself, so that
/// a test shows whether the message names the right one.
fn in_lines(violations: Vec<ContractViolation>) -> Vec<String> {
    let line = |violation: ContractViolation| {
        let ContractViolation { part, pointer, expected, actual, contract, .. } = violation;
        format!("{part} {pointer} | {expected} | {actual} | {}", source_of(&contract))
    };
    violations.into_iter().map(line).collect()
}

/// The text of a line in the files of the tests. The place itself, if it is in another file.
fn source_of(place: &str) -> String {
    let (file, line) = place.rsplit_once(':').unwrap();
    match fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)) {
        Ok(source) => source.lines().nth(line.parse::<usize>().unwrap() - 1).unwrap().trim().to_owned(),
        Err(_) => place.to_owned(),
    }
}
