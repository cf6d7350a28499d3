//! The examples of a description, judged by its own schemas.

use std::sync::Arc;

use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::{Schema, Schemas};
use super::description::OpenApi;

/// How deep a description is searched for examples.
const MAX_DEPTH: usize = 64;

/// Members that have no examples that a schema describes.
const WITHOUT_EXAMPLES: [&str; 6] = ["const", "default", "enum", "example", "examples", "mapping"];

impl OpenApi {
    /// The examples that break the schemas beside them. Examples of content types other than JSON are not judged.
    pub(in super::super) fn wrong_examples(&self) -> Vec<ContractProblem> {
        let mut problems = Vec::new();
        match Part::root(&self.sources) {
            Ok(root) => self.visit(&root, &self.schemas.answers, &mut problems, 0),
            Err(problem) => problems.push(problem),
        }
        problems
    }

    fn visit(&self, part: &Part<'_>, schemas: &Arc<Schemas>, problems: &mut Vec<ContractProblem>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let schema = part.member("schema");
        let is_schema = schema.is_none() && part.value.get("type").is_some() && part.value.get("in").is_none();
        let schema = schema.or_else(|| is_schema.then(|| part.clone()));
        if let Some(schema) = schema {
            // Examples of parameters in text form, and of values in several directions, are judged as values.
            let is_of_requests = is_schema && part.is_true("writeOnly");
            let schema = Schema::new(&schema, if is_of_requests { &self.schemas.requests } else { schemas });
            for example in examples_of(part) {
                match schema.judge(example.value) {
                    Ok(breaches) => problems.extend(breaches.into_iter().map(|breach| {
                        let (at, expected, actual) = (breach.pointer, breach.expected, breach.actual);
                        example.problem(format!(
                            "the example breaks its schema at {at:?}: expected {expected}, actual {actual} ({})",
                            breach.place
                        ))
                    })),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        for (name, member) in part.members().filter(|(name, _)| !WITHOUT_EXAMPLES.contains(name)) {
            let schemas = match name {
                "requestBody" | "requestBodies" | "parameters" => &self.schemas.requests,
                "responses" => &self.schemas.answers,
                _ => schemas,
            };
            if name.contains('/') && !name.starts_with('/') && !name.contains("json") {
                // A content type of which no schema judges the values.
                continue;
            }
            self.visit(&member, schemas, problems, depth + 1);
        }
        part.items().for_each(|item| self.visit(&item, schemas, problems, depth + 1));
    }
}

/// The examples of a part.
fn examples_of<'s>(part: &Part<'s>) -> Vec<Part<'s>> {
    let mut examples: Vec<_> = part.member("example").into_iter().collect();
    let several = part.member("examples");
    // A schema has a list of examples. A parameter and a content type have named ones.
    examples.extend(several.iter().flat_map(Part::items));
    let named = several.iter().flat_map(Part::members).filter_map(|(_, example)| example.target().ok());
    examples.extend(named.filter_map(|example| example.member("value")));
    examples
}
