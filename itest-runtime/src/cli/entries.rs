//! The entries of the quarantine in `itest.toml`.

use toml::de::{DeTable, DeValue};

use super::values::closest;
use crate::model::{Quarantine, QuarantineEntry, UsageError};

/// What an entry may say; all but the last must be there.
const KEYS: [(&str, &str); 5] = [
    ("test", "the name of a test, or `name::*` for all of its cases"),
    ("owner", "who looks after it"),
    ("reason", "why it may fail"),
    ("until", "the last day on which it may, such as 2026-12-31"),
    ("suite", "the suite, if another one has a test of this name"),
];

/// What an entry looks like.
const SHAPE: &str = "write [[quarantine]], and test, owner, reason and until below it";

/// Reads all entries; `line` says where something stands.
///
/// # Errors
///
/// The first entry that says too little, too much, or the same as another one.
pub(super) fn entries(
    value: &DeValue<'_>,
    start: usize,
    line: impl Fn(usize) -> String,
) -> Result<Vec<QuarantineEntry>, UsageError> {
    let DeValue::Array(list) = value else {
        return Err(UsageError::new(line(start), format!("`quarantine` is no list; {SHAPE}")));
    };
    let mut read: Vec<QuarantineEntry> = Vec::new();
    for element in list {
        let place = line(element.span().start);
        let DeValue::Table(table) = element.get_ref() else {
            return Err(UsageError::new(place, format!("this is no entry of the quarantine; {SHAPE}")));
        };
        let entry = entry(table, place, &line)?;
        let is_same = |other: &&QuarantineEntry| other.test == entry.test && other.suite == entry.suite;
        if let Some(other) = read.iter().find(is_same) {
            let what = format!("`{}` is in quarantine already, at {}; remove one of them", entry.test, other.place);
            return Err(UsageError::new(entry.place, what));
        }
        read.push(entry);
    }
    Ok(read)
}

fn entry(table: &DeTable<'_>, place: String, line: impl Fn(usize) -> String) -> Result<QuarantineEntry, UsageError> {
    let mut texts: [Option<String>; KEYS.len()] = Default::default();
    let mut day = place.clone();
    for (key, value) in table {
        let (name, here) = (key.get_ref().as_ref(), line(key.span().start));
        let Some(position) = KEYS.iter().position(|(known, _)| *known == name) else {
            let likely = closest(name, KEYS.iter().map(|(known, _)| *known));
            let hint = likely.map_or_else(|| SHAPE.to_owned(), |likely| format!("did you mean `{likely}`?"));
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
            day = here;
        }
        texts[position] = Some(text);
    }
    let missing = |position: usize| {
        let (name, meaning) = KEYS[position];
        UsageError::new(place.clone(), format!("a [[quarantine]] without `{name}`; say {meaning}"))
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
    let until = until.parse().map_err(|what| UsageError::new(format!("{day}: until"), what))?;
    Ok(QuarantineEntry { test, suite, quarantine: Quarantine { owner, reason, until }, place })
}
