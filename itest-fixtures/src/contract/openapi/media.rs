//! The content types of a body, and what a body of each may be.

use std::sync::Arc;

use hyper::HeaderMap;
use serde_json::{Map, Value};

use super::super::explanation::{Breach, shortened};
use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::{Schema, Schemas};
use super::super::strict_json;
use super::shape::Shape;
use super::view::{decoded, pairs};

/// The content types of a body. Empty if the contract states no body.
#[derive(Debug, Default)]
pub(super) struct Content {
    media: Vec<Media>,
    /// The place in the contract.
    source: String,
}

/// What a body of a content type may be.
#[derive(Debug)]
struct Media {
    /// The content type, which may end with `/*`.
    range: String,
    schema: Option<Schema>,
    shape: Shape,
    /// The place in the contract.
    source: String,
}

/// A body, with the headers that describe it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'b> {
    pub(super) headers: &'b HeaderMap,
    pub(super) body: &'b [u8],
}

impl Content {
    /// Reads the member `content` of a part.
    pub(super) fn parse(part: &Part<'_>, schemas: &Arc<Schemas>) -> Self {
        let content = part.member("content");
        let media = content.iter().flat_map(Part::members).map(|(range, media)| {
            let schema = media.member("schema");
            Media {
                range: range.to_ascii_lowercase(),
                shape: schema.as_ref().map(Shape::of).unwrap_or_default(),
                schema: schema.map(|schema| Schema::new(&schema, schemas)),
                source: media.place(),
            }
        });
        Self { media: media.collect(), source: content.as_ref().unwrap_or(part).place() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.media.is_empty()
    }

    /// The place in the contract.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The content types in words.
    pub(super) fn names(&self) -> String {
        self.media.iter().map(|media| media.range.as_str()).collect::<Vec<_>>().join(" or ")
    }

    /// The schemas, to check them.
    pub(super) fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.media.iter().filter_map(|media| media.schema.as_ref())
    }

    /// Where a body breaks the contract. The error of the content type stands for the whole body.
    ///
    /// # Errors
    ///
    /// When the schema of the body is invalid.
    pub(super) fn judge(&self, body: Described<'_>) -> Result<Vec<Breach>, ContractProblem> {
        let content_type = body.headers.get("content-type").map(|value| String::from_utf8_lossy(value.as_bytes()));
        let essence = content_type.as_deref().map(|text| essence(text).to_ascii_lowercase());
        let Some(media) = essence.as_deref().and_then(|essence| self.media_of(essence)) else {
            return Ok(vec![Breach {
                pointer: String::new(),
                expected: format!("the content type {}", self.names()),
                actual: content_type.map_or_else(|| "no content type".to_owned(), |text| shortened(text.into_owned())),
                place: self.source.clone(),
            }]);
        };
        // A body that is compressed is judged by its content type only.
        let is_encoded = body.headers.get("content-encoding").is_some_and(|encoding| encoding != "identity");
        match &media.schema {
            Some(schema) if !is_encoded => media.judge(schema, essence.as_deref().unwrap_or_default(), body.body),
            _ => Ok(Vec::new()),
        }
    }

    /// What is stated for a content type: first by its own name, then by its range.
    fn media_of(&self, essence: &str) -> Option<&Media> {
        let kind = essence.split('/').next().unwrap_or_default();
        let range = format!("{kind}/*");
        [essence, &range, "*/*", "*"]
            .into_iter()
            .find_map(|wanted| self.media.iter().find(|media| self::essence(&media.range) == wanted))
    }
}

impl Media {
    fn judge(&self, schema: &Schema, essence: &str, body: &[u8]) -> Result<Vec<Breach>, ContractProblem> {
        let value = match essence {
            "application/json" | "text/json" => strict_json::parse(body),
            json if json.ends_with("+json") => strict_json::parse(body),
            "application/x-www-form-urlencoded" => Ok(self.form(&String::from_utf8_lossy(body))),
            text if text.starts_with("text/") && !matches!(text, "text/xml" | "text/event-stream") => {
                Ok(self.shape.value_of(&String::from_utf8_lossy(body)))
            }
            // XML, multipart and binary data have no value of JSON that a schema could judge.
            _ => return Ok(Vec::new()),
        };
        match value {
            Ok(value) => schema.judge(&value),
            Err(error) => Ok(vec![Breach {
                pointer: String::new(),
                expected: format!("JSON, as the content type {essence} states"),
                actual: format!("{} bytes that are no JSON: {error}", body.len()),
                place: self.source.clone(),
            }]),
        }
    }

    /// The object of an HTML form.
    fn form(&self, text: &str) -> Value {
        let mut members = Map::new();
        for (name, value) in pairs(text) {
            let (name, value) = (decoded(name), decoded(value));
            let shape = self.shape.of_property(&name);
            if shape.is_array() {
                let item = shape.of_items().value_of(&value);
                match members.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(items) => items.push(item),
                    other => *other = item,
                }
            } else {
                members.insert(name, shape.value_of(&value));
            }
        }
        members.into()
    }
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or(content_type).trim()
}
