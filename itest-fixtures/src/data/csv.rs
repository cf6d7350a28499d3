//! CSV files as seeds (RFC 4180).
//!
//! It is read here because an empty field and `""` are not the same in a database (`NULL` and no text), and because a quote that
//! is never closed is a mistake; the usual parsers tell neither.

use super::error::{Place, Unreadable};
use crate::backend::{Row, Value};

/// A field and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    text: String,
    quoted: bool,
}

/// A record and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    line: usize,
    fields: Vec<Field>,
}

/// The rows of a file whose first record names the columns.
pub(super) fn rows(text: &str) -> Result<Vec<(Place, Row)>, Unreadable> {
    let mut records = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let header = records.next().ok_or(Unreadable::at(1, "it is empty; its first line names the columns"))?;
    let columns: Vec<_> = header.fields.into_iter().map(|field| field.text.trim().to_owned()).collect();
    for (number, column) in columns.iter().enumerate() {
        if column.is_empty() {
            return Err(Unreadable::at(header.line, format!("column {} has no name", number + 1)));
        }
        if columns[..number].contains(column) {
            return Err(Unreadable::at(header.line, format!("two columns are called `{column}`")));
        }
    }
    let row = |record: Record| {
        let (expected, found) = (columns.len(), record.fields.len());
        if expected != found {
            let message = format!(
                "{found} fields, but the header names {expected} columns; a field with a comma in it stands in quotes"
            );
            return Err(Unreadable::at(record.line, message));
        }
        let cells = columns.iter().cloned().zip(record.fields.into_iter().map(value)).collect();
        Ok((Place::Line(record.line), Row { cells }))
    };
    records.map(row).collect()
}

fn value(field: Field) -> Value {
    if field.text.is_empty() && !field.quoted { Value::Null } else { Value::Field(field.text) }
}

fn records(text: &str) -> Result<Vec<Record>, Unreadable> {
    let mut records = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        let (record, behind) = record(rest, line)?;
        line += rest[..rest.len() - behind.len()].matches('\n').count();
        rest = behind;
        // A line without anything is no record.
        if record.fields.len() > 1 || record.fields.iter().any(|field| field.quoted || !field.text.is_empty()) {
            records.push(record);
        }
    }
    Ok(records)
}

/// The first record, and what is behind it.
fn record(text: &str, line: usize) -> Result<(Record, &str), Unreadable> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let begins_on = line + text[..text.len() - rest.len()].matches('\n').count();
        let (field, behind) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside, begins_on)?,
            None => plain(rest, begins_on)?,
        };
        fields.push(field);
        if let Some(next) = behind.strip_prefix(',') {
            rest = next;
        } else {
            let behind = behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix('\n')).unwrap_or(behind);
            return Ok((Record { line, fields }, behind));
        }
    }
}

fn plain(text: &str, line: usize) -> Result<(Field, &str), Unreadable> {
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let end = if text[end..].starts_with('\n') && text[..end].ends_with('\r') { end - 1 } else { end };
    let field = &text[..end];
    if field.contains('"') {
        return Err(Unreadable::at(
            line,
            format!("a quote inside of `{field}`; put the field in quotes and double it"),
        ));
    }
    Ok((Field { text: field.to_owned(), quoted: false }, &text[end..]))
}

fn quoted(inside: &str, line: usize) -> Result<(Field, &str), Unreadable> {
    let mut text = String::new();
    let mut rest = inside;
    loop {
        let Some(end) = rest.find('"') else {
            return Err(Unreadable::at(line, "a quote is opened here and never closed"));
        };
        text.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if let Some(behind) = rest.strip_prefix('"') {
            text.push('"');
            rest = behind;
        } else if rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n") {
            return Ok((Field { text, quoted: true }, rest));
        } else {
            let message =
                format!("`{text}` ends with a quote, and the field goes on; double a quote that is part of it");
            return Err(Unreadable::at(line, message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String) {
        let fault = rows(text).unwrap_err();
        (fault.line, fault.message)
    }

    #[test]
    fn fields_are_read_as_rfc_4180_says() {
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
    fn what_is_broken_is_told_with_its_line() {
        assert_eq!(fault("").0, 1);
        assert_eq!(fault("a,a\n"), (1, "two columns are called `a`".to_owned()));
        assert_eq!(fault("a,\n").1, "column 2 has no name");
        assert_eq!(fault("a,b\n1,2\n1\n").0, 3);
        assert_eq!(fault("a\n1\n\"x\ny"), (3, "a quote is opened here and never closed".to_owned()));
        assert_eq!(fault("a\nx\"y\n").0, 2);
        assert_eq!(fault("a\n\"x\"y\n").0, 2);
    }
}
