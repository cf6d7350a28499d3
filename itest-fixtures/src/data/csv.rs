//! Reads CSV files as seeds (RFC 4180).
//!
//! This parser distinguishes an empty field (`NULL`) from `""` (an empty text), and reports a quote that is never closed. Common CSV
//! parsers do neither.

use super::error::{ParseError, Place};
use crate::backend::{Row, Value};

/// A field of a record.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    text: String,
    is_quoted: bool,
}

/// A record and the line where it begins.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    line: usize,
    fields: Vec<Field>,
}

/// Reads the rows of a file whose first record names the columns.
pub(super) fn rows(text: &str) -> Result<Vec<(Place, Row)>, ParseError> {
    let mut records = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let header = records.next().ok_or(ParseError::at(1, "it is empty; its first line names the columns"))?;
    let columns: Vec<_> = header.fields.into_iter().map(|field| field.text.trim().to_owned()).collect();
    for (number, column) in columns.iter().enumerate() {
        if column.is_empty() {
            return Err(ParseError::at(header.line, format!("column {} has no name", number + 1)));
        }
        if columns[..number].contains(column) {
            return Err(ParseError::at(header.line, format!("two columns are called `{column}`")));
        }
    }
    let row = |record: Record| {
        let (expected, count) = (columns.len(), record.fields.len());
        if expected != count {
            let message = format!(
                "{count} fields, but the header names {expected} columns; a field with a comma in it stands in quotes"
            );
            return Err(ParseError::at(record.line, message));
        }
        let cells = columns.iter().cloned().zip(record.fields.into_iter().map(value)).collect();
        Ok((Place::Line(record.line), Row { cells }))
    };
    records.map(row).collect()
}

fn value(field: Field) -> Value {
    if field.text.is_empty() && !field.is_quoted { Value::Null } else { Value::Field(field.text) }
}

fn records(text: &str) -> Result<Vec<Record>, ParseError> {
    let mut records = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (record, rest_after) = record(rest, line)?;
        line += rest[..rest.len() - rest_after.len()].matches('\n').count();
        rest = rest_after;
        // An empty line is not a record.
        if record.fields.len() > 1 || record.fields.iter().any(|field| field.is_quoted || !field.text.is_empty()) {
            records.push(record);
        }
    }
    Ok(records)
}

/// Reads the first record, and returns it with the rest of the text.
fn record(text: &str, line: usize) -> Result<(Record, &str), ParseError> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let begins_on = line + text[..text.len() - rest.len()].matches('\n').count();
        let (field, rest_after) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside, begins_on)?,
            None => plain(rest, begins_on)?,
        };
        fields.push(field);
        if let Some(next) = rest_after.strip_prefix(',') {
            rest = next;
        } else {
            let rest_after =
                rest_after.strip_prefix("\r\n").or_else(|| rest_after.strip_prefix('\n')).unwrap_or(rest_after);
            return Ok((Record { line, fields }, rest_after));
        }
    }
}

fn plain(text: &str, line: usize) -> Result<(Field, &str), ParseError> {
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let end = if text[end..].starts_with('\n') && text[..end].ends_with('\r') { end - 1 } else { end };
    let field = &text[..end];
    if field.contains('"') {
        return Err(ParseError::at(
            line,
            format!("a quote inside of `{field}`; put the field in quotes and double it"),
        ));
    }
    Ok((Field { text: field.to_owned(), is_quoted: false }, &text[end..]))
}

fn quoted(inside: &str, line: usize) -> Result<(Field, &str), ParseError> {
    let mut text = String::new();
    let mut rest = inside;
    loop {
        let Some(end) = rest.find('"') else {
            return Err(ParseError::at(line, "a quote is opened here and never closed"));
        };
        text.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if let Some(rest_after) = rest.strip_prefix('"') {
            text.push('"');
            rest = rest_after;
        } else if rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n") {
            return Ok((Field { text, is_quoted: true }, rest));
        } else {
            let message =
                format!("`{text}` ends with a quote, and the field goes on; double a quote that is part of it");
            return Err(ParseError::at(line, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> (usize, String) {
        let error = rows(text).unwrap_err();
        (error.line, error.message)
    }

    #[test]
    fn fields_follow_rfc_4180() {
        let read = rows("\u{feff}id,name\r\n1,\"a, \"\"b\"\"\nc\"\r\n\r\n2,\r\n3,\"\"").unwrap();
        let values: Vec<_> = read.iter().map(|(place, row)| (place.clone(), row.value("name").cloned())).collect();
        let field = |text: &str| Some(Value::Field(text.to_owned()));
        assert_eq!(
            values,
            [(Place::Line(2), field("a, \"b\"\nc")), (Place::Line(5), Some(Value::Null)), (Place::Line(6), field("")),]
        );
        assert!(rows("id,name\n").unwrap().is_empty());
    }

    #[test]
    fn malformed_file_is_reported_with_its_line() {
        assert_eq!(error_of("").0, 1);
        assert_eq!(error_of("a,a\n"), (1, "two columns are called `a`".to_owned()));
        assert_eq!(error_of("a,\n").1, "column 2 has no name");
        assert_eq!(error_of("a,b\n1,2\n1\n").0, 3);
        assert_eq!(error_of("a\n1\n\"x\ny"), (3, "a quote is opened here and never closed".to_owned()));
        assert_eq!(error_of("a\nx\"y\n").0, 2);
        assert_eq!(error_of("a\n\"x\"y\n").0, 2);
    }
}
