//! The report of a successful check.

use std::fmt;

use super::step::Step;

/// The report of a check that has found no problems.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) applied: usize,
    pub(super) undone: usize,
    pub(super) irreversible: Option<Step>,
    pub(super) examples: usize,
}

impl Report {
    /// The number of migrations that were applied.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.applied
    }

    /// The number of migrations that were undone and applied again.
    #[must_use]
    pub fn undone(&self) -> usize {
        self.undone
    }
}

/// `5 migrations applied, 3 undone and applied again, 2 examples kept; migration 2 (…) up has no down file`
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { applied, undone, irreversible, examples } = self;
        write!(formatter, "{} applied, {undone} undone and applied again", counted(*applied, "migration"))?;
        if *examples > 0 {
            write!(formatter, ", {} kept", counted(*examples, "example"))?;
        }
        match irreversible {
            Some(step) => {
                write!(formatter, "; {step} has no down file, so neither it nor what is before it was undone")
            }
            None => Ok(()),
        }
    }
}

fn counted(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
