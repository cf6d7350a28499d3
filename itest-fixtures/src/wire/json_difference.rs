//! The first difference between two JSON values.

use serde_json::{Number, Value};

use crate::shown::redacted_at;

/// Whether an object may have members that the wanted one does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Members {
    Exactly,
    AtLeast,
}

/// The first difference between two JSON values.
#[derive(Debug, PartialEq)]
pub(crate) enum JsonDifference {
    /// The values at a pointer differ. The actual one may be missing.
    Value { pointer: String, actual: Option<Value>, wanted: Value },
    /// An object has a member that the wanted one does not have.
    Surplus { pointer: String },
}

impl JsonDifference {
    fn value(pointer: &str, actual: Option<&Value>, wanted: &Value) -> Self {
        Self::Value { pointer: pointer.to_owned(), actual: actual.cloned(), wanted: wanted.clone() }
    }

    /// The difference in words and without secrets. `party` is the party that wants a value: `the stub`.
    pub(crate) fn in_words(&self, party: &str) -> String {
        let (pointer, actual, wanted) = match self {
            Self::Value { pointer, actual, wanted } => (pointer, actual, wanted),
            Self::Surplus { pointer } => return format!("{party} does not want {pointer}"),
        };
        let place = if pointer.is_empty() { "the body" } else { pointer };
        let wanted = redacted_at(pointer, wanted).to_string();
        match actual.as_ref().map(|actual| redacted_at(pointer, actual).to_string()) {
            None => format!("{place} is missing, {party} wants {wanted}"),
            Some(actual) if actual == wanted => format!("{place} is another secret than the one that {party} wants"),
            Some(actual) => format!("{place} is {actual}, {party} wants {wanted}"),
        }
    }
}

/// Compares the value at a pointer of a JSON text with the wanted one.
///
/// # Errors
///
/// When there is a difference: the first one.
pub(crate) fn compare_json_at(text: &Value, pointer: &str, wanted: &Value) -> Result<(), JsonDifference> {
    match text.pointer(pointer) {
        Some(actual) => compare(pointer, actual, wanted, Members::Exactly),
        None => Err(JsonDifference::value(pointer, None, wanted)),
    }
}

/// Compares two JSON values.
///
/// # Errors
///
/// When there is a difference: the first one.
pub(crate) fn compare_json(actual: &Value, wanted: &Value, members: Members) -> Result<(), JsonDifference> {
    compare("", actual, wanted, members)
}

fn compare(pointer: &str, actual: &Value, wanted: &Value, members: Members) -> Result<(), JsonDifference> {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => {
            let inside = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            for (name, wanted) in wanted {
                match actual.get(name) {
                    Some(actual) => compare(&inside(name), actual, wanted, members)?,
                    None => return Err(JsonDifference::value(&inside(name), None, wanted)),
                }
            }
            let mut surplus = actual.keys().filter(|name| members == Members::Exactly && !wanted.contains_key(*name));
            surplus.next().map_or(Ok(()), |name| Err(JsonDifference::Surplus { pointer: inside(name) }))
        }
        (Value::Array(actual), Value::Array(wanted)) if actual.len() == wanted.len() => {
            let mut pairs = actual.iter().zip(wanted).enumerate();
            pairs.try_for_each(|(position, (actual, wanted))| {
                compare(&format!("{pointer}/{position}"), actual, wanted, members)
            })
        }
        (actual, wanted) if is_same(actual, wanted) => Ok(()),
        (actual, wanted) => Err(JsonDifference::value(pointer, Some(actual), wanted)),
    }
}

/// Whether two values are equal. JSON does not distinguish 1 from 1.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (whole_number(one), whole_number(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
        (one, other) => one == other,
    }
}

/// The value of a number without a fraction, exactly.
fn whole_number(number: &Number) -> Option<i128> {
    if let Some(number) = number.as_i128() {
        return Some(number);
    }
    let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e30)?;
    #[expect(clippy::cast_possible_truncation, reason = "the number has no fraction and is in the range")]
    Some(number as i128)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn first_difference_is_named_by_its_pointer_without_secrets() {
        let actual = json!({"order": {"items": [{"price": 7}, {"price": 9}], "a/b": 1}, "token": "s3cret"});
        for (wanted, words) in [
            (json!({"order": {"items": [{"price": 7}, {"price": 8}]}}), "/order/items/1/price is 9, the test wants 8"),
            (json!({"order": {"items": [{"price": 7}]}}), "/order/items is [{\"price\":7},{\"price\":9}], the test"),
            (json!({"order": {"a/b": 2}}), "/order/a~1b is 1, the test wants 2"),
            (json!({"order": {"id": 1}}), "/order/id is missing, the test wants 1"),
            (json!({"token": "0ther"}), "/token is another secret than the one that the test wants"),
            (json!([]), "the body is {"),
        ] {
            let words_of_difference =
                compare_json(&actual, &wanted, Members::AtLeast).unwrap_err().in_words("the test");
            assert!(words_of_difference.starts_with(words), "{words_of_difference}");
            assert!(!words_of_difference.contains("s3cret"), "{words_of_difference}");
        }
        let subset = json!({"order": {"items": [{"price": 7.0}, {}]}});
        assert_eq!(compare_json(&actual, &subset, Members::AtLeast), Ok(()));
        let surplus = compare_json(&json!({"a": 1, "b": 2}), &json!({"a": 1}), Members::Exactly);
        assert_eq!(surplus, Err(JsonDifference::Surplus { pointer: "/b".to_owned() }));
    }
}
