//! The types of a schema, by which a text becomes a value: `7` is a number in one parameter, and a text in another.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::super::part::Part;

/// How deep alternatives are read.
const MAX_DEPTH: usize = 6;

/// The types of a schema, of its items and of its properties.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    types: Vec<String>,
    items: Option<Box<Shape>>,
    pub(super) properties: BTreeMap<String, Shape>,
}

impl Shape {
    pub(super) fn of(schema: &Part<'_>) -> Self {
        let mut shape = Self::default();
        shape.add(schema, 0);
        shape
    }

    fn add(&mut self, schema: &Part<'_>, depth: usize) {
        // A reference that leads nowhere is reported when the schema is compiled.
        let Ok(schema) = schema.clone().target() else { return };
        if depth > MAX_DEPTH {
            return;
        }
        match schema.value.get("type") {
            Some(Value::String(name)) => self.types.push(name.clone()),
            Some(Value::Array(names)) => self.types.extend(names.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
        if let Some(items) = schema.member("items") {
            self.items.get_or_insert_default().add(&items, depth + 1);
        }
        for (name, property) in schema.member("properties").iter().flat_map(Part::members) {
            self.properties.entry(name.to_owned()).or_default().add(&property, depth + 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            let branches = schema.member(keyword);
            branches.iter().flat_map(Part::items).for_each(|branch| self.add(&branch, depth + 1));
        }
    }

    pub(super) fn is_array(&self) -> bool {
        self.has("array")
    }

    pub(super) fn is_object(&self) -> bool {
        self.has("object") || (self.types.is_empty() && !self.properties.is_empty())
    }

    fn has(&self, name: &str) -> bool {
        self.types.iter().any(|one| one == name)
    }

    /// The shape of the items of an array.
    pub(super) fn of_items(&self) -> Self {
        self.items.as_deref().cloned().unwrap_or_default()
    }

    /// The shape of a property of an object.
    pub(super) fn of_property(&self, name: &str) -> Self {
        self.properties.get(name).cloned().unwrap_or_default()
    }

    /// The value that a text stands for.
    pub(super) fn value_of(&self, text: &str) -> Value {
        let is_number = self.has("number") || self.has("integer");
        if is_number && let Some(number) = number(text) {
            return Value::Number(number);
        }
        match text {
            "true" if self.has("boolean") => Value::Bool(true),
            "false" if self.has("boolean") => Value::Bool(false),
            "null" | "" if self.has("null") && !self.has("string") => Value::Null,
            _ => Value::String(text.to_owned()),
        }
    }

    /// Another value that the text may stand for, if its types leave more than one.
    pub(super) fn other_value_of(&self, text: &str) -> Option<Value> {
        if self.types.is_empty() {
            return serde_json::from_str(text).ok();
        }
        self.has("string").then(|| Value::String(text.to_owned()))
    }
}

fn number(text: &str) -> Option<Number> {
    let is_plain = text.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    is_plain.then(|| serde_json::from_str(text).ok())?
}
