//! Parses the `[[quarantine]]` entries of `itest.toml`.

use toml::de::{DeTable, DeValue};

use super::values::closest;
use crate::model::{Quarantine, QuarantineEntry, UsageError};

/// The keys of an entry, with their meanings. All but the last are required.
const KEYS: [(&str, &str); 5] = [
    ("test", "the name of a test, or `name::*` for all of its cases"),
    ("owner", "who looks after it"),
    ("reason", "why it may fail"),
    ("until", "the last day on which it may, such as 2026-12-31"),
    ("suite", "the suite, if another one has a test of this name"),
];

/// The advice in errors about an entry.
const SYNTAX: &str = "write [[quarantine]], and test, owner, reason and until below it";

/// Parses all entries. `line` returns the file and the line of an offset.
///
/// # Errors
///
/// The first entry that lacks a key, has an unknown one, or is about the same test as an earlier entry.
pub(super) fn quarantine_entries(
    value: &DeValue<'_>,
    start: usize,
    line: impl Fn(usize) -> String,
) -> Result<Vec<QuarantineEntry>, UsageError> {
    let DeValue::Array(list) = value else {
        return Err(UsageError::new(line(start), format!("`quarantine` is no list; {SYNTAX}")));
    };
    let mut entries: Vec<QuarantineEntry> = Vec::new();
    for element in list {
        let place = line(element.span().start);
        let DeValue::Table(table) = element.get_ref() else {
            return Err(UsageError::new(place, format!("this is no entry of the quarantine; {SYNTAX}")));
        };
        let entry = entry(table, place, &line)?;
        let is_same = |other: &&QuarantineEntry| other.test == entry.test && other.suite == entry.suite;
        if let Some(other) = entries.iter().find(is_same) {
            let what = format!("`{}` is in quarantine already, at {}; remove one of them", entry.test, other.place);
            return Err(UsageError::new(entry.place, what));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(table: &DeTable<'_>, place: String, line: impl Fn(usize) -> String) -> Result<QuarantineEntry, UsageError> {
    let mut texts: [Option<String>; KEYS.len()] = Default::default();
    let mut until_place = place.clone();
    for (key, value) in table {
        let (name, here) = (key.get_ref().as_ref(), line(key.span().start));
        let Some(position) = KEYS.iter().position(|(known, _)| *known == name) else {
            let likely = closest(name, KEYS.iter().map(|(known, _)| *known));
            let hint = likely.map_or_else(|| SYNTAX.to_owned(), |likely| format!("did you mean `{likely}`?"));
            return Err(UsageError::new(here, format!("unknown key `{name}` in a [[quarantine]]; {hint}")));
        };
        let text = match value.get_ref() {
            DeValue::String(text) if !text.trim().is_empty() => text.trim().to_owned(),
            DeValue::Datetime(day) if name == "until" => day.to_string(),
            _ => {
                let (known, meaning) = KEYS[position];
                return Err(UsageError::new(here, format!("`{known}` takes a text: {meaning}")));
            }
        };
        if name == "until" {
            until_place = here;
        }
        texts[position] = Some(text);
    }
    let missing = |position: usize| {
        let (name, meaning) = KEYS[position];
        UsageError::new(place.clone(), format!("a [[quarantine]] needs `{name}`: {meaning}"))
    };
    let [test, owner, reason, until, suite] = texts;
    let test = test.ok_or_else(|| missing(0))?;
    let owner = owner.ok_or_else(|| missing(1))?;
    let reason = reason.ok_or_else(|| missing(2))?;
    let until = until.ok_or_else(|| missing(3))?;
    if test.strip_suffix("::*").unwrap_or(&test).contains('*') {
        let what = format!("`{test}` is no name; {}", KEYS[0].1);
        return Err(UsageError::new(place, what));
    }
    let until = until.parse().map_err(|what| UsageError::new(format!("{until_place}: until"), what))?;
    Ok(QuarantineEntry { test, suite, quarantine: Quarantine { owner, reason, until }, place })
}
