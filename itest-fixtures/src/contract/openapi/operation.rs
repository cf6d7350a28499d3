//! Operations: a method at a path.

use std::sync::Arc;

use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::{Schema, Schemas};
use super::answer::Answers;
use super::body::RequestBody;
use super::parameter::{Parameter, Place};
use super::path_template::PathTemplate;
use super::security::Security;

/// The methods that a path may have.
pub(super) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Headers that the contract states elsewhere, so that parameters of these names do not count.
const OTHER_HEADERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// The schemas of both directions.
#[derive(Debug, Clone)]
pub(super) struct BothDirections {
    pub(super) requests: Arc<Schemas>,
    pub(super) answers: Arc<Schemas>,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// The method in upper case.
    pub(super) method: String,
    pub(super) path: PathTemplate,
    /// The name in messages: `POST /charge (createCharge)`.
    pub(super) name: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<RequestBody>,
    pub(super) answers: Answers,
    pub(super) security: Security,
    /// The place in the contract.
    pub(super) source: String,
}

impl Operation {
    /// Reads an operation of a path.
    ///
    /// # Errors
    ///
    /// When a part of it is wrong.
    pub(super) fn parse(
        method: &str,
        path: &PathTemplate,
        (item, operation): (&Part<'_>, &Part<'_>),
        (root, security): (&Part<'_>, Option<&Security>),
        schemas: &BothDirections,
    ) -> Result<Self, ContractProblem> {
        let method = method.to_ascii_uppercase();
        let id = operation.text_of("operationId").map_or_else(String::new, |id| format!(" ({id})"));
        let parameters = parameters(item, operation, &schemas.requests)?;
        let undeclared = path.names().find(|name| {
            !parameters.iter().any(|parameter| parameter.place == Place::Path && parameter.name == **name)
        });
        if let Some(name) = undeclared {
            let reason = format!("the parameter {name:?} of the path {} is not among the parameters", path.text);
            return Err(operation.problem(reason));
        }
        let body = operation.resolved("requestBody")?.map(|body| RequestBody::parse(&body, &schemas.requests));
        Ok(Self {
            name: format!("{method} {}{id}", path.text),
            method,
            path: path.clone(),
            parameters,
            body,
            answers: Answers::parse(operation, &schemas.answers)?,
            security: Security::parse(operation, root)?.or_else(|| security.cloned()).unwrap_or_default(),
            source: operation.place(),
        })
    }

    /// All schemas, to check them.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &Schema> {
        let parameters = self.parameters.iter().filter_map(Parameter::schema);
        let bodies = self.body.iter().flat_map(|body| body.content.schemas());
        parameters.chain(bodies).chain(self.answers.schemas())
    }
}

/// The parameters of an operation, which replace those of its path that have the same name and place.
fn parameters(
    item: &Part<'_>,
    operation: &Part<'_>,
    schemas: &Arc<Schemas>,
) -> Result<Vec<Parameter>, ContractProblem> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for owner in [operation, item] {
        for part in owner.member("parameters").iter().flat_map(Part::items) {
            let parameter = Parameter::parse(&part.target()?, schemas)?;
            let is_known = |one: &Parameter| one.place == parameter.place && one.name == parameter.name;
            let is_stated_elsewhere = parameter.place == Place::Header
                && OTHER_HEADERS.iter().any(|name| parameter.name.eq_ignore_ascii_case(name));
            if !is_stated_elsewhere && !parameters.iter().any(is_known) {
                parameters.push(parameter);
            }
        }
    }
    Ok(parameters)
}
