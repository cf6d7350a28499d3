//! Parameters of operations, and headers of answers: how their values are written, and what they may be.

use std::sync::Arc;

use hyper::HeaderMap;
use serde_json::{Map, Value};

use super::super::explanation::{Breach, shown};
use super::super::part::Part;
use super::super::problem::ContractProblem;
use super::super::schemas::{Schema, Schemas};
use super::super::strict_json;
use super::shape::Shape;
use super::view::{RequestView, decoded, decoded_path};

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

/// How several values of a parameter are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Simple,
    Label,
    Matrix,
    Form,
    SpaceDelimited,
    PipeDelimited,
    DeepObject,
    /// The value is JSON.
    Json,
}

/// Whether each item or property of a parameter is written with a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Explode {
    Yes,
    No,
}

/// Whether a parameter may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
}

/// A parameter, or a header of an answer.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: Place,
    style: Style,
    explode: Explode,
    presence: Presence,
    allows_empty: bool,
    shape: Shape,
    schema: Option<Schema>,
    /// The place in the contract.
    source: String,
}

impl Parameter {
    /// Reads a parameter of an operation.
    ///
    /// # Errors
    ///
    /// When it has no name, or no known place or style.
    pub(super) fn parse(part: &Part<'_>, schemas: &Arc<Schemas>) -> Result<Self, ContractProblem> {
        let Some(name) = part.text_of("name") else { return Err(part.problem("the parameter has no `name`")) };
        let place = match part.text_of("in") {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header") => Place::Header,
            Some("cookie") => Place::Cookie,
            other => {
                let reason =
                    format!("`in` is {}, and must be path, query, header or cookie", other.unwrap_or("missing"));
                return Err(part.problem(reason));
            }
        };
        Self::with(name, place, part, schemas)
    }

    /// Reads a header of an answer.
    ///
    /// # Errors
    ///
    /// When it has an unknown style.
    pub(super) fn parse_header(name: &str, part: &Part<'_>, schemas: &Arc<Schemas>) -> Result<Self, ContractProblem> {
        Self::with(name, Place::Header, part, schemas)
    }

    fn with(name: &str, place: Place, part: &Part<'_>, schemas: &Arc<Schemas>) -> Result<Self, ContractProblem> {
        let default = if matches!(place, Place::Query | Place::Cookie) { Style::Form } else { Style::Simple };
        let style = match part.text_of("style") {
            None => default,
            Some("simple") => Style::Simple,
            Some("label") => Style::Label,
            Some("matrix") => Style::Matrix,
            Some("form") => Style::Form,
            Some("spaceDelimited") => Style::SpaceDelimited,
            Some("pipeDelimited") => Style::PipeDelimited,
            Some("deepObject") => Style::DeepObject,
            Some(other) => return Err(part.problem(format!("the style {other:?} is not known"))),
        };
        let explode = match part.value.get("explode").and_then(Value::as_bool) {
            Some(true) => Explode::Yes,
            None if style == Style::Form => Explode::Yes,
            Some(false) | None => Explode::No,
        };
        let content = part.member("content").and_then(|content| content.members().next().map(|(_, media)| media));
        let style = if content.is_some() { Style::Json } else { style };
        let schema = content.as_ref().unwrap_or(part).member("schema");
        let presence =
            if part.is_true("required") || place == Place::Path { Presence::Required } else { Presence::Optional };
        Ok(Self {
            name: name.to_owned(),
            place,
            style,
            explode,
            presence,
            allows_empty: part.is_true("allowEmptyValue"),
            shape: schema.as_ref().map(Shape::of).unwrap_or_default(),
            schema: schema.map(|schema| Schema::new(&schema, schemas)),
            source: part.place(),
        })
    }

    /// The name of the parameter in messages: `query parameter "page"`.
    pub(super) fn label(&self) -> String {
        match self.place {
            Place::Path => format!("path parameter {:?}", self.name),
            Place::Query => format!("query parameter {:?}", self.name),
            Place::Header => format!("header {:?}", self.name),
            Place::Cookie => format!("cookie {:?}", self.name),
        }
    }

    /// The schema, to check it.
    pub(super) fn schema(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// Where the parameter of a request breaks the contract.
    ///
    /// # Errors
    ///
    /// When the schema of the parameter is invalid.
    pub(super) fn judge(&self, request: &RequestView<'_>) -> Result<Vec<Breach>, ContractProblem> {
        let values = match self.place {
            Place::Path => self.in_path(&request.path),
            Place::Query => self.in_query(&request.query),
            Place::Header => return self.judge_header(request.headers),
            Place::Cookie => {
                let pair = request.cookies.iter().find(|(name, _)| *name == self.name);
                pair.map(|(_, value)| self.joined(&decoded_path(value), ','))
            }
        };
        self.judge_values(values)
    }

    /// Where the header breaks the contract.
    ///
    /// # Errors
    ///
    /// When the schema of the header is invalid.
    pub(super) fn judge_header(&self, headers: &HeaderMap) -> Result<Vec<Breach>, ContractProblem> {
        let values: Vec<_> =
            headers.get_all(&self.name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let values = (!values.is_empty()).then(|| self.joined(&values.join(", "), ','));
        self.judge_values(values)
    }

    fn judge_values(&self, values: Option<Written>) -> Result<Vec<Breach>, ContractProblem> {
        let Some(written) = values else {
            return Ok(match self.presence {
                Presence::Optional => Vec::new(),
                Presence::Required => vec![self.breach("a value, because it is required", "nothing")],
            });
        };
        let (value, other) = match written {
            Written::Empty if self.allows_empty => return Ok(Vec::new()),
            Written::Empty => (self.shape.value_of(""), None),
            Written::Text(text) => (self.shape.value_of(&text), self.shape.other_value_of(&text)),
            Written::Value(value) => (value, None),
            Written::Wrong { expected, actual } => {
                let actual = shown(&format!("/{}", self.name), &Value::String(actual));
                return Ok(vec![self.breach(expected, &actual)]);
            }
        };
        let Some(schema) = &self.schema else { return Ok(Vec::new()) };
        if let Some(other) = other
            && schema.is_valid(&other)?
        {
            return Ok(Vec::new());
        }
        // The name of the parameter may say that its value is a secret.
        let is_secret = shown(&format!("/{}", self.name), &value) != shown("", &value);
        let mut breaches = schema.judge(&value)?;
        if is_secret {
            for breach in &mut breaches {
                "***".clone_into(&mut breach.actual);
            }
        }
        Ok(breaches)
    }

    fn breach(&self, expected: &str, actual: &str) -> Breach {
        let (expected, actual) = (expected.to_owned(), actual.to_owned());
        Breach { pointer: String::new(), expected, actual, place: self.source.clone() }
    }

    fn in_path(&self, parameters: &[(String, String)]) -> Option<Written> {
        let (_, raw) = parameters.iter().find(|(name, _)| *name == self.name)?;
        let wrong = |expected| Written::Wrong { expected, actual: decoded_path(raw) };
        Some(match self.style {
            Style::Label => match raw.strip_prefix('.') {
                Some(rest) => self.joined(&decoded_path(rest), if self.explode == Explode::Yes { '.' } else { ',' }),
                None => wrong("a dot and the value (style label)"),
            },
            Style::Matrix => match raw.strip_prefix(';') {
                Some(rest) if self.explode == Explode::Yes && (self.shape.is_array() || self.shape.is_object()) => {
                    let pairs: Vec<_> = rest.split(';').filter_map(|pair| pair.split_once('=')).collect();
                    self.of_pairs(&pairs).unwrap_or(Written::Empty)
                }
                Some(rest) => match rest.strip_prefix(&*self.name).and_then(|rest| rest.strip_prefix('=')) {
                    Some(rest) => self.joined(&decoded_path(rest), ','),
                    None => wrong("a semicolon, the name and the value (style matrix)"),
                },
                None => wrong("a semicolon, the name and the value (style matrix)"),
            },
            _ => self.joined(&decoded_path(raw), ','),
        })
    }

    fn in_query(&self, pairs: &[(&str, &str)]) -> Option<Written> {
        if self.style == Style::DeepObject {
            return self.deep_object(pairs);
        }
        if self.style == Style::Form && self.explode == Explode::Yes {
            return self.of_pairs(pairs);
        }
        let (_, raw) = pairs.iter().find(|(name, _)| decoded(name) == self.name)?;
        Some(match self.style {
            Style::SpaceDelimited => self.joined(&decoded(raw), ' '),
            Style::PipeDelimited => self.joined(&decoded(raw), '|'),
            Style::Json => self.joined(&decoded(raw), ','),
            // A comma that belongs to a value is encoded, so the values are separated first.
            _ if self.shape.is_array() || self.shape.is_object() => {
                self.separated(&raw.split(',').map(decoded).collect::<Vec<_>>())
            }
            _ => self.joined(&decoded(raw), ','),
        })
    }

    /// The value of pairs that have a name for each item or property.
    fn of_pairs(&self, pairs: &[(&str, &str)]) -> Option<Written> {
        if self.shape.is_object() {
            let known = pairs.iter().filter(|(name, _)| self.shape.properties.contains_key(&decoded(name)));
            let members: Map<_, _> = known
                .map(|(name, value)| {
                    let name = decoded(name);
                    let value = self.shape.of_property(&name).value_of(&decoded(value));
                    (name, value)
                })
                .collect();
            return (!members.is_empty()).then(|| Written::Value(members.into()));
        }
        let mut values = pairs.iter().filter(|(name, _)| decoded(name) == self.name).map(|(_, value)| decoded(value));
        if self.shape.is_array() {
            let items = self.shape.of_items();
            let values: Vec<_> = values.map(|value| items.value_of(&value)).collect();
            return (!values.is_empty()).then(|| Written::Value(values.into()));
        }
        let text = values.next()?;
        Some(if text.is_empty() { Written::Empty } else { Written::Text(text) })
    }

    /// The object of `filter[name]=a&filter[size]=2`.
    fn deep_object(&self, pairs: &[(&str, &str)]) -> Option<Written> {
        let mut members = Map::new();
        for (name, value) in pairs {
            let name = decoded(name);
            let inside = name.strip_prefix(&*self.name).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            if let Some(property) = inside {
                let value = self.shape.of_property(property).value_of(&decoded(value));
                members.insert(property.to_owned(), value);
            }
        }
        (!members.is_empty()).then(|| Written::Value(members.into()))
    }

    /// The value of a text in which a character separates items, or names and values.
    fn joined(&self, text: &str, separator: char) -> Written {
        if self.style == Style::Json {
            return match strict_json::parse(text.as_bytes()) {
                Ok(value) => Written::Value(value),
                Err(_) => Written::Wrong { expected: "JSON", actual: text.to_owned() },
            };
        }
        if text.is_empty() {
            return Written::Empty;
        }
        if !self.shape.is_array() && !self.shape.is_object() {
            return Written::Text(text.to_owned());
        }
        self.separated(&text.split(separator).map(|item| item.trim().to_owned()).collect::<Vec<_>>())
    }

    fn separated(&self, texts: &[String]) -> Written {
        if self.shape.is_array() {
            let items = self.shape.of_items();
            return Written::Value(texts.iter().map(|text| items.value_of(text)).collect());
        }
        let pair = |name: &str, value: &str| (name.to_owned(), self.shape.of_property(name).value_of(value));
        let members: Map<_, _> = if self.explode == Explode::Yes {
            texts.iter().filter_map(|text| text.split_once('=')).map(|(name, value)| pair(name, value)).collect()
        } else {
            texts.chunks_exact(2).map(|chunk| pair(&chunk[0], &chunk[1])).collect()
        };
        Written::Value(members.into())
    }
}

/// What a request has for a parameter.
enum Written {
    /// The name without a value.
    Empty,
    /// One text.
    Text(String),
    Value(Value),
    /// It is not written as the contract states.
    Wrong {
        expected: &'static str,
        actual: String,
    },
}
