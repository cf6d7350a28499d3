//! The schemas of a contract.

use std::sync::{Arc, OnceLock};

use jsonschema::{Draft, PatternOptions, Registry, ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::explanation::{Breach, Explaining};
use super::keywords::{Direction, with_open_api};
use super::part::Part;
use super::pointer;
use super::problem::ContractProblem;
use super::sources::Sources;

/// How often a pattern may try another way, so that a body cannot occupy the test.
const MAX_BACKTRACKS: usize = 100_000;

/// Whether a text that has not the format of its schema breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Formats {
    Judged,
    Ignored,
}

/// The schemas of a contract, for the bodies of one direction.
#[derive(Debug)]
pub(super) struct Schemas {
    sources: Arc<Sources>,
    registry: Registry<'static>,
    direction: Direction,
    formats: Formats,
}

impl Schemas {
    /// # Errors
    ///
    /// When a URI in the contract is invalid.
    pub(super) fn new(
        sources: &Arc<Sources>,
        direction: Direction,
        formats: Formats,
    ) -> Result<Arc<Self>, ContractProblem> {
        let documents = sources.documents.iter().map(|(uri, document)| {
            let mut document = document.clone();
            if sources.has_directions {
                remove_required(&mut document, direction.excluded(), sources);
            }
            (uri.clone(), document)
        });
        let registry = Registry::new()
            .draft(sources.dialect.draft())
            .retrieve_known_draft_meta_schemas(false)
            .extend(documents)
            .and_then(jsonschema::RegistryBuilder::prepare);
        let registry = registry.map_err(|error| {
            let file = sources.files.get(&sources.root).map_or("", |file| &*file.shown);
            ContractProblem::of_file(file, error.to_string())
        })?;
        Ok(Arc::new(Self { sources: Arc::clone(sources), registry, direction, formats }))
    }

    /// Compiles the schema at a URI.
    ///
    /// # Errors
    ///
    /// When it is no valid schema.
    fn compile(&self, uri: &str) -> Result<Validator, ValidationError<'static>> {
        let dialect = self.sources.dialect;
        let options = jsonschema::options()
            .with_registry(&self.registry)
            .with_draft(dialect.draft())
            .offline()
            .should_validate_formats(self.formats == Formats::Judged)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKS));
        let options = if dialect.is_open_api() { with_open_api(options, self.direction) } else { options };
        options.build(&json!({ "$ref": uri }))
    }
}

/// A schema that is compiled when it is needed for the first time: most tests use few operations of a contract.
#[derive(Debug)]
pub(super) struct Schema {
    schemas: Arc<Schemas>,
    uri: String,
    /// The place of the schema in the source.
    pub(super) place: String,
    compiled: OnceLock<Result<Validator, ContractProblem>>,
}

impl Schema {
    pub(super) fn new(part: &Part<'_>, schemas: &Arc<Schemas>) -> Self {
        let schemas = Arc::clone(schemas);
        Self { schemas, uri: part.uri(), place: part.place(), compiled: OnceLock::new() }
    }

    /// # Errors
    ///
    /// When the schema is invalid.
    pub(super) fn is_valid(&self, value: &Value) -> Result<bool, ContractProblem> {
        Ok(self.validator()?.is_valid(value))
    }

    /// Where a value breaks the schema.
    ///
    /// # Errors
    ///
    /// When the schema is invalid.
    pub(super) fn judge(&self, value: &Value) -> Result<Vec<Breach>, ContractProblem> {
        let validator = self.validator()?;
        if validator.is_valid(value) {
            return Ok(Vec::new());
        }
        let explaining = Explaining { sources: &self.schemas.sources, place: &self.place };
        Ok(explaining.breaches(validator.iter_errors(value)))
    }

    /// Compiles the schema.
    ///
    /// # Errors
    ///
    /// When the schema is invalid.
    pub(super) fn validator(&self) -> Result<&Validator, ContractProblem> {
        let compiled = self.compiled.get_or_init(|| {
            self.check_form()?;
            self.schemas.compile(&self.uri).map_err(|error| self.problem(&error))
        });
        compiled.as_ref().map_err(Clone::clone)
    }

    /// Checks the schema itself, without the schemas that it refers to.
    fn check_form(&self) -> Result<(), ContractProblem> {
        let (uri, pointer) = split(&self.uri);
        let schema = self.schemas.sources.documents.get(uri).and_then(|document| document.pointer(&pointer));
        check_form(&self.schemas.sources, uri, &pointer, schema.unwrap_or(&Value::Null))
    }

    /// The problem of a schema that cannot be compiled, although its own form is valid: one that it refers to is wrong.
    fn problem(&self, error: &ValidationError<'static>) -> ContractProblem {
        let sources = &self.schemas.sources;
        for (uri, document) in &sources.documents {
            for container in ["components/schemas", "definitions", "$defs"] {
                let pointer = format!("/{container}");
                let schemas = document.pointer(&pointer).and_then(Value::as_object);
                for (name, schema) in schemas.into_iter().flatten() {
                    if let Err(problem) = check_form(sources, uri, &pointer::member(&pointer, name), schema) {
                        return problem;
                    }
                }
            }
        }
        let (uri, pointer) = split(&self.uri);
        match sources.files.get(uri) {
            Some(file) => file.problem(&pointer, format!("the schema cannot be used: {error}")),
            None => ContractProblem::of_file(uri, error.to_string()),
        }
    }
}

/// The URI without its fragment, and the fragment.
pub(super) fn split(uri: &str) -> (&str, String) {
    let (uri, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    (uri, percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned())
}

/// Checks a schema by the schema of its dialect.
fn check_form(sources: &Sources, uri: &str, pointer: &str, schema: &Value) -> Result<(), ContractProblem> {
    let checked = match sources.dialect.draft() {
        Draft::Draft4 => jsonschema::draft4::meta::validate(schema),
        Draft::Draft6 => jsonschema::draft6::meta::validate(schema),
        Draft::Draft7 => jsonschema::draft7::meta::validate(schema),
        Draft::Draft201909 => jsonschema::draft201909::meta::validate(schema),
        _ => jsonschema::draft202012::meta::validate(schema),
    };
    let Err(error) = checked else { return Ok(()) };
    let wrong = format!("{pointer}{}", error.instance_path().as_str());
    Err(match sources.files.get(uri) {
        Some(file) => file.problem(&wrong, format!("the schema is invalid: {error}")),
        None => ContractProblem::of_file(uri, error.to_string()),
    })
}

/// Removes the properties that are not sent in a direction from the lists of required properties.
fn remove_required(value: &mut Value, excluded: &str, sources: &Sources) {
    match value {
        Value::Object(members) => {
            let names = excluded_properties(members, excluded, sources);
            if let Some(Value::Array(required)) = members.get_mut("required") {
                required.retain(|name| !name.as_str().is_some_and(|name| names.iter().any(|one| one == name)));
                // Draft 4 has no empty list of required properties.
                if required.is_empty() {
                    members.remove("required");
                }
            }
            members.values_mut().for_each(|member| remove_required(member, excluded, sources));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove_required(item, excluded, sources)),
        _ => {}
    }
}

/// The properties of a schema, and of the schemas that it consists of, that are not sent in a direction.
fn excluded_properties(schema: &Map<String, Value>, excluded: &str, sources: &Sources) -> Vec<String> {
    let own = std::iter::once(schema);
    let inherited = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let inherited = inherited.filter_map(|branch| resolved(branch, sources)?.as_object());
    let properties = own.chain(inherited).filter_map(|schema| schema.get("properties")?.as_object()).flatten();
    let is_excluded = |property: &Value| {
        resolved(property, sources).and_then(|property| property.get(excluded)) == Some(&Value::Bool(true))
            || property.get(excluded) == Some(&Value::Bool(true))
    };
    properties.filter(|(_, property)| is_excluded(property)).map(|(name, _)| name.clone()).collect()
}

/// The schema that a reference inside of the contract's first file leads to, or the schema itself.
fn resolved<'v>(schema: &'v Value, sources: &'v Sources) -> Option<&'v Value> {
    match schema.get("$ref").and_then(Value::as_str) {
        None => Some(schema),
        Some(reference) => {
            let pointer = split(reference.strip_prefix('#').map_or("", |_| reference)).1;
            sources.documents.get(&sources.root)?.pointer(&pointer)
        }
    }
}
