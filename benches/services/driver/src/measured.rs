//! A table of measurements that have bounds.

use figures::Table;

/// A table, and whether all of its bounds are met.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) table: Table,
    pub(crate) is_met: bool,
}

impl Measured {
    /// A table whose bounds are met so far.
    pub(crate) fn new(table: Table) -> Self {
        Self { table, is_met: true }
    }

    /// Compares a measurement with its bound, and returns the verdict in one word.
    pub(crate) fn judge(&mut self, measured: f64, bound: f64) -> &'static str {
        let is_met = measured <= bound;
        self.is_met &= is_met;
        if is_met { "met" } else { "missed" }
    }
}
