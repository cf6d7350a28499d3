//! Prepares a document of a contract: collects its references, and adds what JSON Schema does not know about OpenAPI.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::{Map, Value};

use super::dialect::Dialect;
use super::pointer;

/// The keyword of itest for the formats of numbers. JSON Schema checks the formats of texts only.
pub(super) const NUMBER_FORMAT: &str = "x-itest-number-format";

/// The formats of numbers in OpenAPI.
const NUMBER_FORMATS: [&str; 4] = ["int32", "int64", "float", "double"];

/// Members whose names are chosen by the author of the contract, so that none of them is a keyword.
const NAMED_BY_AUTHOR: [&str; 19] = [
    "$defs",
    "callbacks",
    "content",
    "definitions",
    "dependencies",
    "dependentSchemas",
    "encoding",
    "headers",
    "links",
    "pathItems",
    "paths",
    "patternProperties",
    "properties",
    "requestBodies",
    "responses",
    "schemas",
    "securitySchemes",
    "variables",
    "webhooks",
];

/// Members whose values are data. A member `$ref` in such a value is no reference.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "mapping"];

/// What a document refers to.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) references: Vec<Reference>,
    /// The URIs of the schemas that give themselves one.
    pub(super) own_uris: BTreeSet<String>,
    /// Whether a property is only for requests or only for responses.
    pub(super) has_directions: bool,
}

/// A `$ref` to another file.
#[derive(Debug)]
pub(super) struct Reference {
    /// Where the `$ref` stands.
    pub(super) pointer: String,
    /// The absolute URI without its fragment. None if the text is no URI.
    pub(super) target: Option<Url>,
    pub(super) text: String,
}

/// Prepares a document that was read from a URI.
pub(super) fn prepare(value: &mut Value, dialect: Dialect, uri: &Url) -> Prepared {
    let mut preparation = Preparation { dialect, prepared: Prepared::default(), pointer: String::new() };
    preparation.walk(value, Some(uri), Names::Keywords);
    preparation.prepared
}

/// What the names of an object are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Keywords,
    ChosenByAuthor,
}

struct Preparation {
    dialect: Dialect,
    prepared: Prepared,
    /// The pointer to the current value.
    pointer: String,
}

impl Preparation {
    /// The depth is limited, because a document is nested at most 128 deep.
    fn walk(&mut self, value: &mut Value, base: Option<&Url>, names: Names) {
        match value {
            Value::Object(members) => {
                let own = (names == Names::Keywords).then(|| self.take_keywords(members, base)).flatten();
                let base = own.as_ref().or(base);
                for (name, member) in members {
                    if names == Names::Keywords && DATA.contains(&name.as_str()) {
                        continue;
                    }
                    let is_named = names == Names::Keywords && NAMED_BY_AUTHOR.contains(&name.as_str());
                    let inner = if is_named && member.is_object() { Names::ChosenByAuthor } else { Names::Keywords };
                    self.inside(name, |preparation| preparation.walk(member, base, inner));
                }
            }
            Value::Array(items) => {
                for (position, item) in items.iter_mut().enumerate() {
                    self.inside(&position.to_string(), |preparation| preparation.walk(item, base, Names::Keywords));
                }
            }
            _ => {}
        }
    }

    fn inside(&mut self, name: &str, visit: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        pointer::push_member(&mut self.pointer, name);
        visit(self);
        self.pointer.truncate(length);
    }

    /// Reads and changes the keywords of an object. Returns the URI that the object gives itself.
    fn take_keywords(&mut self, members: &mut Map<String, Value>, base: Option<&Url>) -> Option<Url> {
        let text =
            |members: &Map<String, Value>, name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        // In OpenAPI, `id` and `$id` may stand in objects that are no schemas, and their schemas rarely have a URI of their own.
        let own = text(members, self.dialect.id_keyword()).filter(|_| !self.dialect.is_open_api());
        let own = own.and_then(|id| joined(base, &id));
        if let Some(own) = &own {
            self.prepared.own_uris.insert(without_fragment(own).into());
        }
        for keyword in ["$ref", "$dynamicRef"] {
            if let Some(text) = text(members, keyword).filter(|text| !text.starts_with('#')) {
                let target = joined(own.as_ref().or(base), &text).map(|target| without_fragment(&target));
                let pointer = pointer::member(&self.pointer, keyword);
                self.prepared.references.push(Reference { pointer, target, text });
            }
        }
        if self.dialect.is_open_api() {
            let is_true = |name: &str| members.get(name) == Some(&Value::Bool(true));
            self.prepared.has_directions |= is_true("readOnly") || is_true("writeOnly");
            if self.dialect == Dialect::OpenApi30 && is_true("nullable") {
                allow_null(members);
            }
            if let Some(format) = text(members, "format").filter(|format| NUMBER_FORMATS.contains(&format.as_str())) {
                members.insert(NUMBER_FORMAT.to_owned(), format.into());
            }
        }
        own
    }
}

/// Writes `nullable: true` as JSON Schema does. It has an effect only beside a type, as OpenAPI 3.0.3 states.
fn allow_null(members: &mut Map<String, Value>) {
    if let Some(known @ Value::String(_)) = members.get("type").cloned() {
        members.insert("type".to_owned(), Value::Array(vec![known, "null".into()]));
    }
}

fn joined(base: Option<&Url>, text: &str) -> Option<Url> {
    match base {
        Some(base) => base.join(text).ok(),
        None => Url::parse(text).ok(),
    }
}

fn without_fragment(uri: &Url) -> Url {
    let mut uri = uri.clone();
    uri.set_fragment(None);
    uri
}
