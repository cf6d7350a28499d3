//! Schemas and their differences.

use std::collections::BTreeSet;
use std::fmt;

use crate::backend::Entry;

/// All entries of a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Schema(BTreeSet<Entry>);

impl Schema {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// The first object of the schema, if there is one.
    pub(super) fn first_object(&self) -> Option<&str> {
        self.0.first().map(|entry| entry.object.as_str())
    }

    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.0.contains(entry)
    }

    /// Whether the schema contains the object of the entry.
    pub(super) fn has_object_of(&self, entry: &Entry) -> bool {
        self.0.iter().any(|other| other.object == entry.object)
    }

    /// The difference between this expected schema and an actual one.
    pub(super) fn difference(&self, actual: &Self) -> Difference {
        Difference {
            missing: self.0.difference(&actual.0).cloned().collect(),
            extra: actual.0.difference(&self.0).cloned().collect(),
        }
    }
}

/// The difference between an expected schema and an actual one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// The expected entries that are missing.
    pub(super) missing: BTreeSet<Entry>,
    /// The entries that were not expected.
    pub(super) extra: BTreeSet<Entry>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }

    /// Removes the differences that another one already contains.
    pub(super) fn beyond(mut self, known: &Self) -> Self {
        self.missing.retain(|entry| !known.missing.contains(entry));
        self.extra.retain(|entry| !known.extra.contains(entry));
        self
    }

    /// Joins two differences.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.missing.extend(other.missing);
        self.extra.extend(other.extra);
        self
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.missing.iter().chain(&self.extra)
    }
}

/// Lists the differences object by object: `-` is an expected entry that is missing, `+` an entry that was not expected.
impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects: BTreeSet<_> = self.entries().map(|entry| entry.object.as_str()).collect();
        for object in objects {
            let of_object = |entry: &&Entry| entry.object == object;
            for (sign, entries) in [('-', &self.missing), ('+', &self.extra)] {
                for entry in entries.iter().filter(of_object) {
                    write!(formatter, "\n  {sign} {}", entry.to_string().replace('\n', "\n    "))?;
                }
            }
        }
        Ok(())
    }
}

/// The schema of an empty database, and the schema after each version.
#[derive(Debug, Default)]
pub(super) struct Schemas(Vec<(i64, Schema)>);

impl Schemas {
    pub(super) fn push(&mut self, version: i64, schema: Schema) {
        self.0.push((version, schema));
    }

    pub(super) fn after(&self, version: i64) -> Option<&Schema> {
        self.0.iter().find(|(other, _)| *other == version).map(|(_, schema)| schema)
    }

    pub(super) fn last(&self) -> Option<&Schema> {
        self.0.last().map(|(_, schema)| schema)
    }

    /// The first version that caused a difference between the last schema and another one.
    pub(super) fn first_responsible_version(&self, difference: &Difference) -> Option<i64> {
        difference.entries().filter_map(|entry| self.responsible_version(entry)).min()
    }

    /// The version that created an entry of the last schema. For another entry, the version that removed it, or else the version that
    /// created its object.
    fn responsible_version(&self, entry: &Entry) -> Option<i64> {
        let first = |matches: &dyn Fn(&Schema) -> bool| {
            self.0.iter().find(|(_, schema)| matches(schema)).map(|(version, _)| *version)
        };
        let is_in_last_schema = self.last().is_some_and(|schema| schema.has(entry));
        let removed =
            self.0.windows(2).find(|pair| pair[0].1.has(entry) && !pair[1].1.has(entry)).map(|pair| pair[1].0);
        if is_in_last_schema {
            return first(&|schema| schema.has(entry));
        }
        removed.or_else(|| first(&|schema| schema.has_object_of(entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(entries: &[(&str, &str)]) -> Schema {
        Schema::new(entries.iter().map(|(object, detail)| Entry::new(*object, *detail)).collect())
    }

    #[test]
    fn difference_is_listed_object_by_object() {
        let expected = schema(&[("table a", "column x int"), ("table b", "column y int")]);
        let actual = schema(&[("table a", "column x text"), ("table b", "column y int"), ("table c", "")]);
        let difference = expected.difference(&actual);
        assert_eq!(difference.to_string(), "\n  - table a: column x int\n  + table a: column x text\n  + table c");
        assert!(difference.clone().beyond(&difference).is_empty());
    }

    #[test]
    fn first_responsible_migration_is_determined() {
        let mut schemas = Schemas::default();
        schemas.push(0, schema(&[]));
        schemas.push(1, schema(&[("table a", "column x int"), ("table a", "column z int")]));
        schemas.push(2, schema(&[("table a", "column x int"), ("table b", "")]));
        schemas.push(3, schema(&[("table a", "column x int"), ("table b", ""), ("table c", "")]));
        let fault = |other: &[(&str, &str)]| {
            schemas.first_responsible_version(&schema(other).difference(schemas.last().unwrap()))
        };
        assert_eq!(fault(&[("table a", "column x int"), ("table b", "")]), Some(3), "only version 3 creates c");
        assert_eq!(
            fault(&[("table a", "column x int"), ("table a", "column z int"), ("table b", ""), ("table c", "")]),
            Some(2)
        );
        assert_eq!(fault(&[("table a", "column x text"), ("table b", ""), ("table c", "")]), Some(1));
        assert_eq!(fault(&[("table a", "column x int"), ("table b", ""), ("table c", "")]), None);
    }
}
