//! Explains where a value breaks a schema.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::pointer;
use super::preparation::NUMBER_FORMAT;
use super::sources::Sources;
use crate::shown::redacted_at;

/// The most places that are reported of one value.
const MAX_BREACHES: usize = 5;

/// How deep alternatives are explained inside of alternatives.
const MAX_DEPTH: usize = 8;

/// The most characters of a value in a message.
const MAX_CHARS: usize = 120;

/// Where a value breaks a schema. The texts contain no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) pointer: String,
    pub(super) expected: String,
    pub(super) actual: String,
    /// The line of the contract.
    pub(super) place: String,
}

/// What is needed to explain errors.
pub(super) struct Explaining<'e> {
    pub(super) sources: &'e Sources,
    /// The place of the schema, for errors without a place.
    pub(super) place: &'e str,
}

impl Explaining<'_> {
    pub(super) fn breaches<'i>(&self, errors: impl Iterator<Item = ValidationError<'i>>) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for error in errors {
            self.explain(&error, 0, &mut breaches);
            if breaches.len() >= MAX_BREACHES {
                break;
            }
        }
        breaches.truncate(MAX_BREACHES);
        breaches
    }

    fn explain(&self, error: &ValidationError<'_>, depth: usize, breaches: &mut Vec<Breach>) {
        let at = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
                let branch = self.intended(error).or_else(|| closest(context));
                if let Some(errors) = branch.and_then(|branch| context.get(branch)).filter(|_| depth < MAX_DEPTH) {
                    for inner in errors {
                        self.explain(inner, depth + 1, breaches);
                    }
                    return;
                }
                let expected = format!("one of the {} schemas of {}", context.len(), error.kind().keyword());
                breaches.push(self.breach(at, expected, shown(at, error.instance()), error));
            }
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let place = self.place_of_required(error, name);
                let pointer = pointer::member(at, name);
                let (expected, actual) = ("a value, because it is required".to_owned(), "nothing".to_owned());
                breaches.push(Breach { pointer, expected, actual, place });
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    let pointer = pointer::member(at, name);
                    let value = error.instance().get(name).unwrap_or(&Value::Null);
                    let actual = shown(&pointer, value);
                    breaches.push(self.breach(&pointer, "no property of this name".to_owned(), actual, error));
                }
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                let expected = format!("the name of each property is {}", expected(inner));
                breaches.push(self.breach(at, expected, shown(at, inner.instance()), error));
            }
            _ => breaches.push(self.breach(at, expected(error), shown(at, error.instance()), error)),
        }
    }

    fn breach(&self, pointer: &str, expected: String, actual: String, error: &ValidationError<'_>) -> Breach {
        Breach { pointer: pointer.to_owned(), expected, actual, place: self.place_of(error, "") }
    }

    /// The place of a keyword, or of a part of it.
    fn place_of(&self, error: &ValidationError<'_>, part: &str) -> String {
        let place = keyword_of(error).and_then(|(uri, pointer)| {
            let file = self.sources.files.get(&uri)?;
            Some(file.place(&format!("{pointer}{part}")))
        });
        place.unwrap_or_else(|| self.place.to_owned())
    }

    /// The line of a name in the list of required properties.
    fn place_of_required(&self, error: &ValidationError<'_>, name: &str) -> String {
        let position = keyword_of(error).and_then(|(uri, pointer)| {
            let list = self.sources.documents.get(&uri)?.pointer(&pointer)?.as_array()?;
            list.iter().position(|one| one == name)
        });
        self.place_of(error, &position.map_or_else(String::new, |position| format!("/{position}")))
    }

    /// The alternative that the discriminator of the schema selects.
    fn intended(&self, error: &ValidationError<'_>) -> Option<usize> {
        let (uri, pointer) = keyword_of(error)?;
        let document = self.sources.documents.get(&uri)?;
        let (schema, keyword) = pointer.rsplit_once('/')?;
        let schema = document.pointer(schema)?;
        let discriminator = schema.get("discriminator")?;
        let value = error.instance().get(discriminator.get("propertyName")?.as_str()?)?.as_str()?;
        let mapped = discriminator.get("mapping").and_then(|mapping| mapping.get(value)).and_then(Value::as_str);
        let branches = schema.get(keyword)?.as_array()?;
        branches.iter().filter_map(|branch| branch.get("$ref")?.as_str()).position(|reference| match mapped {
            Some(mapped) => reference == mapped || name_of(reference) == mapped,
            None => name_of(reference) == value,
        })
    }
}

/// The last name of a reference: `Card` in `#/components/schemas/Card`.
fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// The file and the pointer of the keyword that a value breaks.
fn keyword_of(error: &ValidationError<'_>) -> Option<(String, String)> {
    let location = error.absolute_keyword_location()?.as_str();
    let (uri, fragment) = location.split_once('#')?;
    let pointer = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy().into_owned();
    let pointer = match pointer.strip_suffix(NUMBER_FORMAT) {
        Some(schema) => format!("{schema}format"),
        None => pointer,
    };
    Some((uri.to_owned(), pointer))
}

/// The alternative that a value is the closest to: its errors are the deepest, and the fewest. None if no alternative is closer than
/// another.
fn closest(alternatives: &[Vec<ValidationError<'static>>]) -> Option<usize> {
    let distance = |errors: &Vec<ValidationError<'static>>| {
        let depths = errors.iter().map(|error| match error.kind() {
            // A value of another type is the farthest.
            ValidationErrorKind::Type { .. } => (error.instance_path().as_str().matches('/').count(), 0),
            ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => (0, 1),
            _ => (error.instance_path().as_str().matches('/').count(), 2),
        });
        (std::cmp::Reverse(depths.min()), errors.len())
    };
    let best = alternatives.iter().map(distance).min()?;
    let mut positions = alternatives.iter().enumerate().filter(|(_, errors)| distance(errors) == best);
    let (position, _) = positions.next()?;
    positions.next().is_none().then_some(position)
}

/// A value as a message shows it, without secrets.
pub(super) fn shown(pointer: &str, value: &Value) -> String {
    shortened(redacted_at(pointer, value).to_string())
}

/// The beginning of a text.
pub(super) fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// What a keyword allows.
fn expected(error: &ValidationError<'_>) -> String {
    let value = |value: &Value| shortened(value.to_string());
    match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(name) } => name.to_string(),
        ValidationErrorKind::Type { kind: TypeKind::Multiple(names) } => {
            names.iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" or ")
        }
        ValidationErrorKind::Constant { expected_value } => value(expected_value),
        ValidationErrorKind::Enum { options } => format!("one of {}", value(options)),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} items"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} items"),
        ValidationErrorKind::AdditionalItems { limit } => format!("at most {limit} items"),
        ValidationErrorKind::MinProperties { limit } => format!("at least {limit} properties"),
        ValidationErrorKind::MaxProperties { limit } => format!("at most {limit} properties"),
        ValidationErrorKind::UniqueItems => "items that differ from each other".to_owned(),
        ValidationErrorKind::Format { format } => format!("the format {format}"),
        ValidationErrorKind::Pattern { pattern } => format!("a match of the pattern {pattern}"),
        ValidationErrorKind::BacktrackLimitExceeded { .. } => {
            "a text that its pattern can judge: the pattern tries too many ways".to_owned()
        }
        ValidationErrorKind::OneOfMultipleValid { context } => {
            let matches = context.iter().filter(|errors| errors.is_empty()).count();
            format!("exactly one of the {} schemas of oneOf, and {matches} match", context.len())
        }
        ValidationErrorKind::FalseSchema => "nothing, because the schema is `false`".to_owned(),
        ValidationErrorKind::Not { schema } => format!("not {}", value(schema)),
        ValidationErrorKind::Contains => "an item that matches the schema of contains".to_owned(),
        ValidationErrorKind::Custom { message, .. } => message.clone(),
        _ => error.masked().to_string(),
    }
}
