//! The kinds of contracts, and the dialect of their schemas.

use jsonschema::Draft;
use serde_json::Value;

use super::problem::ContractProblem;
use super::source_file::SourceFile;

/// The dialect of the schemas in a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// OpenAPI 3.0, whose schemas are close to draft 4 of JSON Schema.
    OpenApi30,
    /// OpenAPI 3.1, whose schemas are JSON Schema 2020-12.
    OpenApi31,
    /// JSON Schema itself, of the draft that `$schema` names.
    JsonSchema(Draft),
}

/// The keywords of which a JSON Schema has at least one.
const KEYWORDS: [&str; 14] = [
    "$schema",
    "$ref",
    "$id",
    "$defs",
    "type",
    "properties",
    "items",
    "allOf",
    "anyOf",
    "oneOf",
    "enum",
    "const",
    "required",
    "definitions",
];

impl Dialect {
    /// The dialect of a contract by its root.
    ///
    /// # Errors
    ///
    /// When the document is no contract that itest reads.
    pub(super) fn of(root: &Value, file: &SourceFile) -> Result<Self, ContractProblem> {
        let version = |name: &str| {
            root.get(name).map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned))
        };
        if let Some(version) = version("openapi") {
            return match version.split('.').take(2).collect::<Vec<_>>()[..] {
                ["3", "0"] => Ok(Self::OpenApi30),
                ["3", "1"] => Ok(Self::OpenApi31),
                _ => Err(file.problem("/openapi", format!("itest reads OpenAPI 3.0 and 3.1, and this is {version}"))),
            };
        }
        if let Some(version) = version("swagger") {
            let reason = format!("this is Swagger {version}; convert it to OpenAPI 3.0 or 3.1, which itest reads");
            return Err(file.problem("/swagger", reason));
        }
        if version("asyncapi").is_some() {
            return Err(file.problem("/asyncapi", "itest reads OpenAPI and JSON Schema, and this is AsyncAPI"));
        }
        let is_schema = match root {
            Value::Object(members) => KEYWORDS.iter().any(|keyword| members.contains_key(*keyword)),
            other => other.is_boolean(),
        };
        if !is_schema {
            return Err(file.problem("", "it is neither an OpenAPI description nor a JSON Schema"));
        }
        match version("$schema") {
            None => Ok(Self::JsonSchema(Draft::Draft202012)),
            Some(uri) => match Draft::from_schema_uri(uri.trim_end_matches('#')) {
                Draft::Unknown => Err(file.problem("/$schema", format!("itest does not know the dialect {uri}"))),
                draft => Ok(Self::JsonSchema(draft)),
            },
        }
    }

    /// The draft of JSON Schema by which the schemas are judged.
    pub(super) fn draft(self) -> Draft {
        match self {
            Self::OpenApi30 => Draft::Draft4,
            Self::OpenApi31 => Draft::Draft202012,
            Self::JsonSchema(draft) => draft,
        }
    }

    /// The keyword that gives a schema a URI of its own.
    pub(super) fn id_keyword(self) -> &'static str {
        if self.draft() == Draft::Draft4 { "id" } else { "$id" }
    }

    pub(super) fn is_open_api(self) -> bool {
        !matches!(self, Self::JsonSchema(_))
    }
}
