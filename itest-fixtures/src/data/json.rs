//! Reads JSON files as seeds: `{"table": [{"column": value}]}`, in the order of the file.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{ParseError, Place};
use super::write::Batch;
use crate::backend::{Row, Value};
use crate::database::script::line_of;

/// Reads the tables of a file and their rows.
pub(super) fn tables(text: &str) -> Result<Vec<Batch>, ParseError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let OrderedMembers(tables) = parse(text, text, "an object of tables: {\"table\": [{\"column\": value}]}")?;
    tables.into_iter().map(|(table, list)| Ok((table, rows(text, list.get())?))).collect()
}

/// Reads a row from an object.
pub(super) fn row(object: &str) -> Result<Row, ParseError> {
    read_row(object, object)
}

fn rows(file: &str, list: &str) -> Result<Vec<(Place, Row)>, ParseError> {
    let objects: Vec<&RawValue> = parse(file, list, "a list of rows: [{\"column\": value}]")?;
    objects.into_iter().map(|object| Ok((place(file, object.get()), read_row(file, object.get())?))).collect()
}

fn read_row(file: &str, object: &str) -> Result<Row, ParseError> {
    let OrderedMembers(cells) = parse(file, object, "a row: {\"column\": value}")?;
    let cells = cells.into_iter().map(|(column, value)| Ok((column, read_value(file, value.get())?)));
    Ok(Row { cells: cells.collect::<Result<_, _>>()? })
}

/// Reads a value. Numbers are kept as text, so that no digit gets lost.
fn read_value(file: &str, text: &str) -> Result<Value, ParseError> {
    Ok(match text.as_bytes().first() {
        Some(b'n') => Value::Null,
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'"') => Value::Text(parse(file, text, "a text")?),
        Some(b'[' | b'{') => Value::Json(text.to_owned()),
        _ => Value::Number(text.to_owned()),
    })
}

/// Parses a part of a file. The result borrows from the file.
fn parse<'t, T: serde::Deserialize<'t>>(file: &str, part: &'t str, expected: &str) -> Result<T, ParseError> {
    serde_json::from_str(part).map_err(|error| {
        let Place::Line(begins_on) = place(file, part) else { return ParseError::at(1, error.to_string()) };
        let line = begins_on + error.line().saturating_sub(1);
        // The position in the parser's message is relative to the part, so it is removed; the returned line is relative to the file.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message);
        let message = if error.is_data() { format!("{message}; expected {expected}") } else { message.to_owned() };
        ParseError::at(line, message)
    })
}

/// The line of a part of a file, computed from its address in memory.
fn place(file: &str, part: &str) -> Place {
    Place::Line(line_of(file, part.as_ptr().addr().saturating_sub(file.as_ptr().addr())))
}

/// The members of an object in their order. A repeated name is an error.
struct OrderedMembers<'t>(Vec<(String, &'t RawValue)>);

impl<'t> serde::Deserialize<'t> for OrderedMembers<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedMembersVisitor)
    }
}

struct OrderedMembersVisitor;

impl<'t> Visitor<'t> for OrderedMembersVisitor {
    type Value = OrderedMembers<'t>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<OrderedMembers<'t>, A::Error> {
        let mut members: Vec<(String, &'t RawValue)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'t RawValue>()? {
            if members.iter().any(|(other, _)| *other == name) {
                return Err(A::Error::custom(format!("`{name}` appears twice")));
            }
            members.push((name, value));
        }
        Ok(OrderedMembers(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_rows_and_columns_keep_order_and_digits() {
        let text = "{\n  \"z\": [{\"b\": 1.10, \"a\": null},\n {\"b\": \"x\"}],\n  \"a\": [{\"c\": [1], \"d\": true}]}";
        let read = tables(text).unwrap();
        assert_eq!(read.iter().map(|(table, _)| table.as_str()).collect::<Vec<_>>(), ["z", "a"]);
        let (place, row) = &read[0].1[0];
        assert_eq!(*place, Place::Line(2));
        let cells = [("b".to_owned(), Value::Number("1.10".to_owned())), ("a".to_owned(), Value::Null)];
        assert_eq!(row.cells, cells);
        assert_eq!(read[0].1[1].0, Place::Line(3));
        assert_eq!(read[1].1[0].1.value("c"), Some(&Value::Json("[1]".to_owned())));
    }

    #[test]
    fn malformed_file_is_reported_with_its_line() {
        let error_of = |text: &str| {
            let error = tables(text).unwrap_err();
            (error.line, error.message)
        };
        assert_eq!(error_of("{\n\"a\": [\n{\"b\": }]}").0, 3);
        let (line, message) = error_of("{\"a\": [],\n \"b\": {}}");
        assert_eq!(line, 2);
        assert!(message.contains("expected a list of rows"), "{message}");
        let (line, message) = error_of("{\"a\": [\n1]}");
        assert_eq!((line, message.contains("expected a row")), (2, true), "{message}");
        assert!(error_of("{\"a\": [], \"a\": []}").1.contains("`a` appears twice"));
    }
}
