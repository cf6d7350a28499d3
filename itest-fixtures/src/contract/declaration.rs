//! The declaration of a contract in a suite: `contract!("contracts/payments.yaml")`.

use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::{Request, Response};
use itest_runtime::__private::{ContractViolation, variable};
use itest_runtime::Error;

use super::compiled::{Compiled, Key};
use super::http_parts::{AnswerParts, RequestParts};
use super::problem::ContractProblem;
use super::schemas::Formats;
use super::sources::{FolderOfUrl, Locations};

/// What two parties have agreed on: an OpenAPI description (3.0 or 3.1), which judges HTTP, or a JSON Schema, which judges messages.
///
/// The macro `contract!` of the crate `itest` declares one by its file. The file is read when it is needed, once in each process.
///
/// # Examples
///
/// ```no_run
/// use itest::{Api, Contract, contract};
///
/// struct Payments;
///
/// impl Api for Payments {
///     const NAME: &'static str = "payments";
///
///     fn contract() -> Option<Contract> {
///         Some(contract!("contracts/payments.yaml"))
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Contract {
    key: Key,
    /// Where the suite declares it.
    declared: &'static Location<'static>,
}

impl Contract {
    /// The contract in a file of a package. The macro `contract!` calls this function with the folder of the package.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn in_package(package: &'static str, file: impl Into<String>) -> Self {
        // Where the tests run on another machine than the one that compiled them, cargo-nextest sets the variable.
        let is_there = std::path::Path::new(package).is_dir();
        let moved = || variable("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
        let package = if is_there { PathBuf::from(package) } else { moved() };
        let locations = Locations { package, file: file.into(), folders_of_urls: Vec::new() };
        Self { key: Key { locations, formats: Formats::Judged }, declared: Location::caller() }
    }

    /// The same contract. References to URLs that begin with this text lead to files in a folder of the package, because itest reads nothing
    /// from the network. Without this, such a reference is an error.
    #[must_use]
    pub fn url_folder(mut self, url: impl Into<String>, folder: impl Into<String>) -> Self {
        self.key.locations.folders_of_urls.push(FolderOfUrl { url: url.into(), folder: folder.into() });
        self
    }

    /// The same contract, in which the formats of texts, such as `date-time`, are not judged.
    #[must_use]
    pub fn ignore_formats(mut self) -> Self {
        self.key.formats = Formats::Ignored;
        self
    }

    /// Checks the whole contract, also the schemas that no exchange has used.
    ///
    /// # Errors
    ///
    /// When the contract is wrong. The error has all problems.
    #[track_caller]
    pub fn check(&self) -> Result<(), Error> {
        match self.compiled() {
            Ok(compiled) => joined(&compiled.problems()),
            Err(problem) => Err(Error::new(problem.to_string())),
        }
    }

    /// Checks the examples of an OpenAPI description by the schemas beside them.
    ///
    /// # Errors
    ///
    /// When the contract is wrong, or an example breaks it. The error has all problems.
    #[track_caller]
    pub fn check_examples(&self) -> Result<(), Error> {
        match self.compiled() {
            Ok(compiled) => joined(&compiled.wrong_examples()),
            Err(problem) => Err(Error::new(problem.to_string())),
        }
    }

    /// Judges a message by a JSON Schema.
    ///
    /// # Errors
    ///
    /// When the message breaks the contract, or the contract is wrong or is no JSON Schema.
    #[track_caller]
    pub fn check_message(&self, payload: impl AsRef<[u8]>) -> Result<(), Error> {
        let judged = self.compiled().and_then(|compiled| compiled.judge_message(payload.as_ref()));
        match judged {
            Ok(violations) if violations.is_empty() => Ok(()),
            Ok(violations) => Err(Error::new(text_of("the message", &violations))),
            Err(problem) => Err(Error::new(problem.to_string())),
        }
    }

    /// Judges an exchange by an OpenAPI description, for clients and servers that are not itest's. The path of the request may be a URL.
    ///
    /// # Examples
    ///
    /// ```
    /// # use itest::Contract;
    /// # use itest::prelude::*;
    /// # fn check(contract: &Contract) -> Result<()> {
    /// let request = hyper::Request::get("/orders?page=2").body("")?;
    /// let answer = hyper::Response::builder().header("content-type", "application/json").body("[]")?;
    /// contract.check_exchange(&request, &answer)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the exchange breaks the contract, or the contract is wrong or is no OpenAPI description.
    #[track_caller]
    pub fn check_exchange(
        &self,
        request: &Request<impl AsRef<[u8]>>,
        answer: &Response<impl AsRef<[u8]>>,
    ) -> Result<(), Error> {
        let parts = RequestParts {
            method: request.method().as_str(),
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            body: Some(request.body().as_ref()),
        };
        let (status, body) = (answer.status().as_u16(), Some(answer.body().as_ref()));
        let answer = AnswerParts { status, headers: answer.headers(), body };
        let judged = self.compiled().and_then(|compiled| {
            let mut violations = compiled.judge_request(&parts)?;
            violations.extend(compiled.judge_answer(&parts, answer)?);
            Ok(violations)
        });
        // Not in a closure, because the caller's location would be that of the closure.
        match judged {
            Ok(violations) => {
                let text = text_of("the exchange", &violations);
                if violations.is_empty() { Ok(()) } else { Err(Error::new(text)) }
            }
            Err(problem) => Err(Error::new(problem.to_string())),
        }
    }

    /// The operations as integration points: endpoints, or calls of the code under test to a service. The macro `contract_points!` of the crate
    /// `itest` calls this function.
    ///
    /// # Errors
    ///
    /// When the contract cannot be read, is wrong, or is no OpenAPI description.
    #[doc(hidden)]
    pub fn integration_points(&self, service: Option<&str>) -> Result<Vec<String>, String> {
        let compiled = self.compiled().map_err(|problem| problem.to_string())?;
        let operations = compiled.operations().map_err(|problem| problem.to_string())?;
        let call = service.map_or_else(String::new, |service| format!("call {service} "));
        Ok(operations.into_iter().map(|operation| format!("{call}{operation}")).collect())
    }

    /// The contract, read.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is wrong.
    pub(crate) fn compiled(&self) -> Result<Arc<Compiled>, ContractProblem> {
        Compiled::of(&self.key)
    }

    /// Where the suite declares the contract.
    pub(crate) fn declared(&self) -> &'static Location<'static> {
        self.declared
    }
}

fn text_of(subject: &str, violations: &[ContractViolation]) -> String {
    let violations: Vec<_> = violations.iter().map(|violation| format!("  {violation}")).collect();
    format!("{subject} breaks its contract\n{}", violations.join("\n"))
}

#[track_caller]
fn joined(problems: &[ContractProblem]) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    let texts: Vec<_> = problems.iter().map(ContractProblem::to_string).collect();
    Err(Error::new(texts.join("\n")))
}

impl fmt::Debug for Contract {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Contract({})", self.key.locations.file)
    }
}
