//! A Markdown table whose columns line up in plain text too.

use std::fmt::{self, Display, Formatter};

/// A table with a head. All columns but the first are right-aligned, because they contain numbers.
#[derive(Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of no rows.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().copied().map(str::to_owned).collect(), rows: Vec::new() }
    }

    /// Adds a row. Missing cells become dashes.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Option<String>>) {
        let dash = || "–".to_owned();
        let cells = cells.into_iter();
        self.rows.push(cells.map(|cell| cell.unwrap_or_else(dash)).collect());
    }

    /// Whether the table has rows.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        !self.rows.is_empty()
    }

    fn width(&self, column: usize) -> usize {
        let rows = self.rows.iter().chain([&self.head]);
        let cells = rows.filter_map(|row| row.get(column));
        // The separator row needs two characters: a dash, and the colon that aligns the column.
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(2)
    }
}

impl Display for Table {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = (0..self.head.len()).map(|column| self.width(column)).collect();
        line(formatter, &self.head, &widths)?;
        for (column, width) in widths.iter().enumerate() {
            match column {
                0 => write!(formatter, "| {:-<width$} |", "")?,
                _ => write!(formatter, " {:->width$} |", ":")?,
            }
        }
        writeln!(formatter)?;
        self.rows.iter().try_for_each(|row| line(formatter, row, &widths))
    }
}

fn line(formatter: &mut Formatter<'_>, cells: &[String], widths: &[usize]) -> fmt::Result {
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        match column {
            0 => write!(formatter, "| {cell:<width$} |")?,
            _ => write!(formatter, " {cell:>width$} |")?,
        }
    }
    writeln!(formatter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["peer", "run"]);
        assert!(!table.has_rows());
        table.row([Some("itest".to_owned()), Some("12.3 ms".to_owned())]);
        table.row([Some("a".to_owned()), None]);
        assert_eq!(
            table.to_string(),
            "| peer  |     run |\n\
             | ----- | ------: |\n\
             | itest | 12.3 ms |\n\
             | a     |       – |\n"
        );
    }
}
