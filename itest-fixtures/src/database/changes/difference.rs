//! Compares two states of a database and describes the changed rows as text.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use itest_runtime::__private::redacted_value;

use super::contents::{Contents, Table};

/// The report shows at most this number of tables.
const MAX_TABLES: usize = 20;

/// The report shows at most this number of rows of each table.
const MAX_ROWS: usize = 20;

/// A longer value is truncated.
const MAX_VALUE_CHARS: usize = 60;

type Cells = [Option<String>];

/// The rows that a test added, deleted and changed in one table.
#[derive(Debug, Default)]
struct Changes<'c> {
    added: Vec<&'c Cells>,
    deleted: Vec<&'c Cells>,
    /// Each row before and after the test.
    changed: Vec<(&'c Cells, &'c Cells)>,
}

/// Describes the changes of all tables. Tables with equal rows are left out.
pub(super) fn difference(before: &Contents, after: &Contents) -> String {
    let tables: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let sections = tables.into_iter().filter_map(|table| section(table, before.get(table), after.get(table)));
    let sections: Vec<_> = sections.collect();
    if sections.is_empty() {
        return "none".to_owned();
    }
    let mut text = String::new();
    let more = sections.len().saturating_sub(MAX_TABLES);
    for section in sections.into_iter().take(MAX_TABLES) {
        text.push_str(&section);
    }
    if more > 0 {
        let _ = writeln!(text, "… and rows of {more} more tables");
    }
    text
}

fn section(table: &str, before: Option<&Table>, after: Option<&Table>) -> Option<String> {
    let empty = Table::default();
    let table = escaped_name(table);
    let label = match (before, after) {
        (None, _) => " (new)",
        (_, None) => " (dropped)",
        _ => "",
    };
    let (before, after) = (before.unwrap_or(&empty), after.unwrap_or(&empty));
    if let Some(reason) = after.not_compared.as_ref().or(before.not_compared.as_ref()) {
        return Some(format!("{table}{label}: not compared, {reason}\n"));
    }
    if before.columns != after.columns && !before.rows.is_empty() && !after.rows.is_empty() {
        return Some(format!("{table}: not compared, its columns are not what they were\n"));
    }
    let columns = if after.columns.is_empty() { &before.columns } else { &after.columns };
    let key: Vec<usize> =
        after.key.iter().filter_map(|name| columns.iter().position(|column| column == name)).collect();
    let changes = compare(&key, before, after);
    let counts =
        [(changes.added.len(), "added"), (changes.changed.len(), "changed"), (changes.deleted.len(), "deleted")];
    let counted: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if counted.is_empty() {
        return (!label.is_empty()).then(|| format!("{table}{label}: no rows\n"));
    }
    let added = changes.added.iter().map(|row| format!("+ {}", row_text(columns, row)));
    let altered = changes.changed.iter().map(|(old, new)| format!("~ {}", changed_row_text(columns, &key, old, new)));
    let deleted = changes.deleted.iter().map(|row| format!("- {}", row_text(columns, row)));
    let mut text = format!("{table}{label}: {}\n", counted.join(", "));
    let all = counts.iter().map(|(count, _)| count).sum::<usize>();
    for line in added.chain(altered).chain(deleted).take(MAX_ROWS) {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(more) = all.checked_sub(MAX_ROWS).filter(|more| *more > 0) {
        let _ = writeln!(text, "  … and {more} more");
    }
    Some(text)
}

/// Compares the rows of one table. Rows with equal keys are the same row; without a key, rows with equal cells are the same.
fn compare<'c>(key: &[usize], before: &'c Table, after: &'c Table) -> Changes<'c> {
    let mut changes = Changes::default();
    let mut unmatched: BTreeMap<Vec<&Option<String>>, Vec<&'c Cells>> = BTreeMap::new();
    for row in &before.rows {
        unmatched.entry(identity(key, row)).or_default().push(row);
    }
    for row in &after.rows {
        match unmatched.get_mut(&identity(key, row)).and_then(Vec::pop) {
            Some(old) if old == row.as_slice() => {}
            Some(old) => changes.changed.push((old, row)),
            None => changes.added.push(row),
        }
    }
    changes.deleted = unmatched.into_values().flatten().collect();
    let by_key = |left: &Cells, right: &Cells| compare_keys(&identity(key, left), &identity(key, right));
    changes.added.sort_by(|left, right| by_key(left, right));
    changes.deleted.sort_by(|left, right| by_key(left, right));
    changes.changed.sort_by(|(left, _), (right, _)| by_key(left, right));
    changes
}

/// The cells that identify a row: its key, or all cells if there is no key.
fn identity<'c>(key: &[usize], row: &'c Cells) -> Vec<&'c Option<String>> {
    if key.is_empty() { row.iter().collect() } else { key.iter().filter_map(|at| row.get(*at)).collect() }
}

/// Orders numbers by value, and everything else as text.
fn compare_keys(left: &[&Option<String>], right: &[&Option<String>]) -> Ordering {
    let number = |cell: &Option<String>| cell.as_deref().and_then(|text| text.parse::<i128>().ok());
    let pairs = left.iter().zip(right).map(|(left, right)| match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    });
    pairs.fold(Ordering::Equal, Ordering::then)
}

fn row_text(columns: &[String], row: &Cells) -> String {
    let cells = columns
        .iter()
        .zip(row)
        .map(|(column, cell)| format!("{}={}", escaped_name(column), redacted_cell(column, cell.as_deref())));
    cells.collect::<Vec<_>>().join(" ")
}

/// Describes a changed row by its key and its changed cells.
fn changed_row_text(columns: &[String], key: &[usize], old: &Cells, new: &Cells) -> String {
    let name: Vec<_> = key
        .iter()
        .map(|at| {
            format!(
                "{}={}",
                escaped_name(&columns[*at]),
                redacted_cell(&columns[*at], new.get(*at).and_then(Option::as_deref))
            )
        })
        .collect();
    let pairs = columns.iter().zip(old.iter().zip(new)).filter(|(_, (old, new))| old != new);
    let changed = pairs.map(|(column, (old, new))| {
        // Values that differ only after the truncation, and redacted secrets, look equal here.
        let (old, new) = (redacted_cell(column, old.as_deref()), redacted_cell(column, new.as_deref()));
        let column = escaped_name(column);
        match old == new {
            true if old.contains("***") => format!("{column}: {old} (a different secret)"),
            true => format!("{column}: {old} (different after the cut)"),
            false => format!("{column}: {old} → {new}"),
        }
    });
    format!("{}: {}", name.join(" "), changed.collect::<Vec<_>>().join(", "))
}

/// A name with its control characters escaped, because they would break the line or change the state of the terminal.
fn escaped_name(name: &str) -> String {
    if name.contains(char::is_control) { name.escape_debug().to_string() } else { name.to_owned() }
}

/// A value of a column, with secrets redacted.
fn redacted_cell(column: &str, cell: Option<&str>) -> String {
    value_text(cell.map(|text| redacted_value(column, text)).as_deref())
}

/// A value as text: in quotes if it is empty or contains blanks, and truncated if it is long.
fn value_text(cell: Option<&str>) -> String {
    let Some(text) = cell else { return "NULL".to_owned() };
    let cut = text.char_indices().nth(MAX_VALUE_CHARS).map(|(end, _)| end);
    let head = cut.map_or(text, |end| &text[..end]);
    let is_plain = !head.is_empty()
        && head != "NULL"
        && !head.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\'');
    let quoted = if is_plain { head.to_owned() } else { format!("'{}'", head.escape_debug()) };
    if cut.is_some() { format!("{quoted}…") } else { quoted }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[&str], key: &[&str], rows: &[&[Option<&str>]]) -> Table {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let row = |cells: &&[Option<&str>]| cells.iter().map(|cell| cell.map(str::to_owned)).collect();
        Table { columns: owned(columns), key: owned(key), rows: rows.iter().map(row).collect(), not_compared: None }
    }

    fn one(name: &str, rows: Table) -> Contents {
        Contents::from([(name.to_owned(), rows)])
    }

    #[test]
    fn rows_are_recognized_by_their_key() {
        let columns = ["id", "name", "stock"];
        let before = table(
            &columns,
            &["id"],
            &[&[Some("2"), Some("pen"), Some("5")], &[Some("9"), Some("ink"), None], &[Some("10"), Some("cap"), None]],
        );
        let after = table(
            &columns,
            &["id"],
            &[
                &[Some("2"), Some("pen"), Some("4")],
                &[Some("11"), Some("a book"), Some("1")],
                &[Some("3"), Some(""), None],
            ],
        );
        let report = difference(&one("products", before), &one("products", after));
        let expected = "products: 2 added, 1 changed, 2 deleted\n  \
                        + id=3 name='' stock=NULL\n  + id=11 name='a book' stock=1\n  ~ id=2: stock: 5 → 4\n  \
                        - id=9 name=ink stock=NULL\n  - id=10 name=cap stock=NULL\n";
        assert_eq!(report, expected);
    }

    #[test]
    fn control_characters_in_names_are_escaped() {
        let columns = ["a\nb", "c\u{1b}[31m"];
        let before = table(&columns, &columns[..1], &[&[Some("1"), Some("x")]]);
        let after = table(&columns, &columns[..1], &[&[Some("1"), Some("y")], &[Some("2"), Some("z")]]);
        let report = difference(&one("new\nline", before), &one("new\nline", after));
        let expected = "new\\nline: 1 added, 1 changed\n  \
                        + a\\nb=2 c\\u{1b}[31m=z\n  ~ a\\nb=1: c\\u{1b}[31m: x → y\n";
        assert_eq!(report, expected);
    }

    #[test]
    fn secrets_are_redacted_by_column_name_and_by_format() {
        let columns = ["id", "password_hash", "note"];
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dBjftJeZ4CVP";
        let before = table(&columns, &["id"], &[&[Some("1"), Some("$2b$12$old"), Some("x")]]);
        let after = table(
            &columns,
            &["id"],
            &[&[Some("1"), Some("$2b$12$new"), Some("x")], &[Some("2"), None, Some(&format!("sent {jwt}"))]],
        );
        let report = difference(&one("users", before), &one("users", after));
        let expected = "users: 1 added, 1 changed\n  \
                        + id=2 password_hash=NULL note='sent ***'\n  ~ id=1: password_hash: *** (a different secret)\n";
        assert_eq!(report, expected);
    }

    #[test]
    fn equal_rows_without_a_key_are_counted() {
        let before = table(&["x"], &[], &[&[Some("a")], &[Some("a")]]);
        let after = table(&["x"], &[], &[&[Some("a")], &[Some("b")]]);
        let report = difference(&one("log", before.clone()), &one("log", after));
        assert!(report.contains("log: 1 added, 1 deleted\n  + x=b\n  - x=a\n"), "{report}");
        assert_eq!(difference(&one("log", before.clone()), &one("log", before)), "none");
    }

    #[test]
    fn long_values_are_truncated_and_further_rows_counted() {
        let text = "x".repeat(200);
        let cells: Vec<_> = (0..50).map(|id: i32| [id.to_string(), text.clone()]).collect();
        let cells: Vec<_> = cells.iter().map(|[id, text]| [Some(id.as_str()), Some(text.as_str())]).collect();
        let cells: Vec<&[Option<&str>]> = cells.iter().map(<[_; 2]>::as_slice).collect();
        let report = difference(&Contents::new(), &one("big", table(&["id", "text"], &["id"], &cells)));
        assert!(report.contains("big (new): 50 added") && report.contains("  … and 30 more\n"), "{report}");
        assert!(report.lines().all(|line| line.chars().count() < 100), "{report}");
        let unread = Table { not_compared: Some("it is huge".to_owned()), ..Table::default() };
        let report = difference(&one("huge", unread), &one("huge", Table::default()));
        assert!(report.contains("huge: not compared, it is huge"), "{report}");
    }

    #[test]
    fn change_at_the_end_of_a_long_value_is_reported() {
        let text = |end: &str| format!("{}{end}", "x".repeat(100));
        let row = |end: &str| table(&["id", "t"], &["id"], &[&[Some("1"), Some(&text(end))]]);
        let report = difference(&one("a", row("1")), &one("a", row("2")));
        assert!(report.contains("… (different after the cut)"), "{report}");
    }

    #[test]
    fn table_with_changed_columns_is_reported_as_not_compared() {
        let report = difference(
            &one("a", table(&["x"], &[], &[&[Some("1")]])),
            &one("a", table(&["x", "y"], &[], &[&[Some("1"), None]])),
        );
        assert!(report.contains("a: not compared, its columns are not what they were"), "{report}");
    }
}
