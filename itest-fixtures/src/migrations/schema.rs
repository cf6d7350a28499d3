//! Schemas, and how they differ.

use std::collections::BTreeSet;
use std::fmt;

use crate::backend::Entry;

/// Everything that a schema is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Schema(BTreeSet<Entry>);

impl Schema {
    pub(super) fn new(entries: Vec<Entry>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Some object of it.
    pub(super) fn first_object(&self) -> Option<&str> {
        self.0.first().map(|entry| entry.object.as_str())
    }

    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.0.contains(entry)
    }

    /// Whether anything of the entry's object is there.
    pub(super) fn has_object_of(&self, entry: &Entry) -> bool {
        self.0.iter().any(|other| other.object == entry.object)
    }

    /// What would have to change for `self` to become `found`.
    pub(super) fn difference(&self, found: &Self) -> Difference {
        Difference {
            missing: self.0.difference(&found.0).cloned().collect(),
            extra: found.0.difference(&self.0).cloned().collect(),
        }
    }
}

/// How a schema differs from the one that was expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Expected, not there.
    pub(super) missing: BTreeSet<Entry>,
    /// There, not expected.
    pub(super) extra: BTreeSet<Entry>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }

    /// What another one does not tell already.
    pub(super) fn beyond(mut self, known: &Self) -> Self {
        self.missing.retain(|entry| !known.missing.contains(entry));
        self.extra.retain(|entry| !known.extra.contains(entry));
        self
    }

    /// Both together.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.missing.extend(other.missing);
        self.extra.extend(other.extra);
        self
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.missing.iter().chain(&self.extra)
    }
}

/// One object after the other: `-` is what was expected and is not there, `+` what is there and was not expected.
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

/// The schema of an empty database, and after each version.
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

    /// The first version that has to do with a difference between the last schema and another one.
    pub(super) fn first_at_fault(&self, difference: &Difference) -> Option<i64> {
        difference.entries().filter_map(|entry| self.blamed(entry)).min()
    }

    /// Who made it; or who took it away; or who made what it belongs to.
    fn blamed(&self, entry: &Entry) -> Option<i64> {
        let first =
            |is: &dyn Fn(&Schema) -> bool| self.0.iter().find(|(_, schema)| is(schema)).map(|(version, _)| *version);
        let is_there_at_last = self.last().is_some_and(|schema| schema.has(entry));
        let gone = self.0.windows(2).find(|pair| pair[0].1.has(entry) && !pair[1].1.has(entry)).map(|pair| pair[1].0);
        if is_there_at_last {
            return first(&|schema| schema.has(entry));
        }
        gone.or_else(|| first(&|schema| schema.has_object_of(entry)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(entries: &[(&str, &str)]) -> Schema {
        Schema::new(entries.iter().map(|(object, detail)| Entry::new(*object, *detail)).collect())
    }

    #[test]
    fn a_difference_is_told_object_by_object() {
        let expected = schema(&[("table a", "column x int"), ("table b", "column y int")]);
        let found = schema(&[("table a", "column x text"), ("table b", "column y int"), ("table c", "")]);
        let difference = expected.difference(&found);
        assert_eq!(difference.to_string(), "\n  - table a: column x int\n  + table a: column x text\n  + table c");
        assert!(difference.clone().beyond(&difference).is_empty());
    }

    #[test]
    fn the_first_migration_at_fault_is_found() {
        let mut schemas = Schemas::default();
        schemas.push(0, schema(&[]));
        schemas.push(1, schema(&[("table a", "column x int"), ("table a", "column z int")]));
        schemas.push(2, schema(&[("table a", "column x int"), ("table b", "")]));
        schemas.push(3, schema(&[("table a", "column x int"), ("table b", ""), ("table c", "")]));
        let fault = |other: &[(&str, &str)]| schemas.first_at_fault(&schema(other).difference(schemas.last().unwrap()));
        assert_eq!(fault(&[("table a", "column x int"), ("table b", "")]), Some(3), "nobody else makes c");
        assert_eq!(
            fault(&[("table a", "column x int"), ("table a", "column z int"), ("table b", ""), ("table c", "")]),
            Some(2)
        );
        assert_eq!(fault(&[("table a", "column x text"), ("table b", ""), ("table c", "")]), Some(1));
        assert_eq!(fault(&[("table a", "column x int"), ("table b", ""), ("table c", "")]), None);
    }
}
