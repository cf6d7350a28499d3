//! Keywords and formats that OpenAPI adds to JSON Schema.

use base64ct::{Base64, Encoding};
use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Map, Value};

use super::preparation::NUMBER_FORMAT;

/// The direction in which a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Answer,
}

impl Direction {
    /// The keyword of the properties that are not sent in this direction.
    pub(super) fn excluded(self) -> &'static str {
        match self {
            Self::Request => "readOnly",
            Self::Answer => "writeOnly",
        }
    }
}

type NewKeyword<'v> = Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'v>>;

/// Adds the keywords and formats of OpenAPI.
pub(super) fn with_open_api(options: ValidationOptions<'_>, direction: Direction) -> ValidationOptions<'_> {
    options
        .with_keyword(NUMBER_FORMAT, number_format)
        .with_keyword(direction.excluded(), move |_, value, _| {
            Ok(Box::new(Excluded { direction, holds: value == true }))
        })
        .with_format("byte", |text| {
            let text: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
            Base64::decode_vec(&text).is_ok()
        })
}

#[expect(clippy::unnecessary_wraps, reason = "the library demands this type of a keyword")]
fn number_format<'v>(_: &'v Map<String, Value>, value: &'v Value, _: Location) -> NewKeyword<'v> {
    Ok(Box::new(match value.as_str() {
        Some("int32") => NumberFormat::Int32,
        Some("int64") => NumberFormat::Int64,
        Some("float") => NumberFormat::Float,
        _ => NumberFormat::Double,
    }))
}

/// The format of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberFormat {
    Int32,
    Int64,
    Float,
    Double,
}

impl<'i> Keyword<'i> for NumberFormat {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            return Ok(());
        }
        Err(ValidationError::custom(match self {
            Self::Int32 => "a whole number of 32 bits (format int32)",
            Self::Int64 => "a whole number of 64 bits (format int64)",
            Self::Float => "a number of 32 bits (format float)",
            Self::Double => "a number of 64 bits (format double)",
        }))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the limits of the format are compared as they are stored")]
    fn is_valid(&self, instance: &'i Value) -> bool {
        let Value::Number(number) = instance else { return true };
        let whole =
            || number.as_i64().or_else(|| number.as_f64().filter(|float| is_i64(*float)).map(|float| float as i64));
        match self {
            Self::Int32 => whole().is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Int64 => whole().is_some(),
            Self::Float => number.as_f64().is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
            Self::Double => true,
        }
    }
}

/// Whether a number without decimals has the range of 64 bits.
fn is_i64(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0
}

/// A value that is not sent in this direction.
#[derive(Debug)]
struct Excluded {
    direction: Direction,
    holds: bool,
}

impl<'i> Keyword<'i> for Excluded {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if Keyword::is_valid(self, instance) {
            return Ok(());
        }
        Err(ValidationError::custom(match self.direction {
            Direction::Request => "nothing, because it is only in responses (readOnly)",
            Direction::Answer => "nothing, because it is only in requests (writeOnly)",
        }))
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        !self.holds
    }
}
