//! Contracts that have been read. Each is read once in a process.

use std::collections::HashMap;
use std::panic::RefUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use itest_runtime::__private::ContractViolation;

use super::dialect::Dialect;
use super::http_parts::{AnswerParts, RequestParts};
use super::keywords::Direction;
use super::openapi::OpenApi;
use super::part::Part;
use super::problem::ContractProblem;
use super::schemas::{Formats, Schema, Schemas};
use super::sources::{Locations, Sources};
use super::strict_json;

/// What distinguishes a contract from another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) locations: Locations,
    pub(super) formats: Formats,
}

type Slot = Arc<OnceLock<Result<Arc<Compiled>, ContractProblem>>>;

/// The contracts of this process.
static CONTRACTS: Mutex<Option<HashMap<Key, Slot>>> = Mutex::new(None);

/// A contract that has been read.
#[derive(Debug)]
pub(crate) struct Compiled {
    kind: Kind,
}

/// A panic while a contract judges leaves nothing half done, because its caches only grow. Clients and stand-ins stay unwind safe by this.
impl RefUnwindSafe for Compiled {}

#[derive(Debug)]
enum Kind {
    /// It judges HTTP.
    OpenApi(OpenApi),
    /// It judges messages.
    JsonSchema(Schema),
}

impl Compiled {
    /// The contract with a key. Only the first call in a process reads it.
    ///
    /// # Errors
    ///
    /// When the contract cannot be read, or is wrong.
    pub(super) fn of(key: &Key) -> Result<Arc<Self>, ContractProblem> {
        let slot = {
            let mut contracts = CONTRACTS.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(contracts.get_or_insert_default().entry(key.clone()).or_default())
        };
        slot.get_or_init(|| Self::read(key).map(Arc::new)).clone()
    }

    fn read(Key { locations, formats }: &Key) -> Result<Self, ContractProblem> {
        let sources = Arc::new(Sources::load(locations)?);
        let kind = if let Dialect::JsonSchema(_) = sources.dialect {
            let schemas = Schemas::new(&sources, Direction::Request, *formats)?;
            let schema = Schema::new(&Part::root(&sources)?, &schemas);
            schema.validator()?;
            Kind::JsonSchema(schema)
        } else {
            Kind::OpenApi(OpenApi::parse(&sources, *formats)?)
        };
        Ok(Self { kind })
    }

    /// All problems of the contract, with those of schemas that no exchange has used.
    pub(super) fn problems(&self) -> Vec<ContractProblem> {
        match &self.kind {
            Kind::OpenApi(open_api) => open_api.schemas().filter_map(|schema| schema.validator().err()).collect(),
            Kind::JsonSchema(schema) => schema.validator().err().into_iter().collect(),
        }
    }

    /// The examples of the contract that break it.
    pub(super) fn wrong_examples(&self) -> Vec<ContractProblem> {
        match &self.kind {
            Kind::OpenApi(open_api) => open_api.wrong_examples(),
            Kind::JsonSchema(_) => Vec::new(),
        }
    }

    /// The contract, if it judges HTTP.
    fn open_api(&self) -> Result<&OpenApi, ContractProblem> {
        match &self.kind {
            Kind::OpenApi(open_api) => Ok(open_api),
            Kind::JsonSchema(schema) => Err(ContractProblem {
                place: schema.place.clone(),
                pointer: String::new(),
                reason: "it is a JSON Schema, which judges messages; an API has an OpenAPI description".to_owned(),
            }),
        }
    }

    /// The methods and paths of the operations: `POST /orders/{id}`.
    ///
    /// # Errors
    ///
    /// When the contract does not judge HTTP.
    pub(crate) fn operations(&self) -> Result<Vec<String>, ContractProblem> {
        Ok(self.open_api()?.methods_and_paths())
    }

    /// Checks that the contract judges HTTP.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub(crate) fn check_http(&self) -> Result<(), ContractProblem> {
        self.open_api().map(|_| ())
    }

    /// Where a request breaks the contract.
    ///
    /// # Errors
    ///
    /// When the contract is wrong.
    pub(crate) fn judge_request(&self, request: &RequestParts<'_>) -> Result<Vec<ContractViolation>, ContractProblem> {
        self.open_api()?.judge_request(request)
    }

    /// Where an answer breaks the contract.
    ///
    /// # Errors
    ///
    /// When the contract is wrong.
    pub(crate) fn judge_answer(
        &self,
        request: &RequestParts<'_>,
        answer: AnswerParts<'_>,
    ) -> Result<Vec<ContractViolation>, ContractProblem> {
        self.open_api()?.judge_answer(request, answer)
    }

    /// Where an exchange breaks the contract from the side of its provider: its answer, and a request that succeeds without credentials or operation.
    /// Other requests may be wrong, because a test tries how the provider refuses them.
    ///
    /// # Errors
    ///
    /// When the contract is wrong.
    pub(crate) fn judge_provider(
        &self,
        request: &RequestParts<'_>,
        answer: AnswerParts<'_>,
    ) -> Result<Vec<ContractViolation>, ContractProblem> {
        let open_api = self.open_api()?;
        let mut violations = open_api.judge_answer(request, answer)?;
        if answer.status < 400 {
            violations.extend(open_api.judge_access(request));
        }
        Ok(violations)
    }

    /// Where the answer of a stub breaks the contract. The pattern has a method, if it has one, and a path.
    ///
    /// # Errors
    ///
    /// When the contract is wrong.
    pub(crate) fn judge_stub(
        &self,
        pattern: (Option<&str>, &str),
        answer: AnswerParts<'_>,
    ) -> Result<Vec<ContractViolation>, ContractProblem> {
        self.open_api()?.judge_stub(pattern, answer)
    }

    /// Where a message breaks the contract.
    ///
    /// # Errors
    ///
    /// When the contract is wrong, or does not judge messages.
    pub(crate) fn judge_message(&self, payload: &[u8]) -> Result<Vec<ContractViolation>, ContractProblem> {
        let Kind::JsonSchema(schema) = &self.kind else {
            let reason = "it is an OpenAPI description, which judges HTTP; messages have a JSON Schema";
            return Err(ContractProblem::of_file("", reason));
        };
        let violation = |pointer: String, expected: String, actual: String, contract: String| {
            let (operation, part) = (String::new(), "message".to_owned());
            ContractViolation { operation, part, pointer, expected, actual, contract }
        };
        match strict_json::parse(payload) {
            Ok(value) => {
                let breaches = schema.judge(&value)?.into_iter();
                Ok(breaches.map(|one| violation(one.pointer, one.expected, one.actual, one.place)).collect())
            }
            Err(error) => {
                let actual = format!("{} bytes that are no JSON: {error}", payload.len());
                Ok(vec![violation(String::new(), "JSON".to_owned(), actual, schema.place.clone())])
            }
        }
    }
}
