//! What is different between two states of a database, in lines for a person.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use itest_runtime::__private::redacted_value;

use super::contents::{Contents, Table};

/// So many tables are shown, and so many rows of each.
const TABLES: usize = 20;
const ROWS: usize = 20;

/// A longer value is cut.
const LONGEST: usize = 60;

type Cells = [Option<String>];

/// What a test did to a table.
#[derive(Debug, Default)]
struct Changes<'c> {
    added: Vec<&'c Cells>,
    deleted: Vec<&'c Cells>,
    /// As it was, and as it is.
    changed: Vec<(&'c Cells, &'c Cells)>,
}

/// Tables whose rows are the same are left out.
pub(super) fn difference(before: &Contents, after: &Contents) -> String {
    let tables: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let sections = tables.into_iter().filter_map(|table| section(table, before.get(table), after.get(table)));
    let sections: Vec<_> = sections.collect();
    if sections.is_empty() {
        return "itest: the test changed no rows of its database\n".to_owned();
    }
    let mut text = "itest: what the test did to the rows of its database:\n".to_owned();
    let more = sections.len().saturating_sub(TABLES);
    for section in sections.into_iter().take(TABLES) {
        text.push_str(&section);
    }
    if more > 0 {
        let _ = writeln!(text, "  … and to {more} more tables");
    }
    text
}

fn section(table: &str, before: Option<&Table>, after: Option<&Table>) -> Option<String> {
    let nothing = Table::default();
    let table = line(table);
    let fate = match (before, after) {
        (None, _) => " (new)",
        (_, None) => " (dropped)",
        _ => "",
    };
    let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
    if let Some(reason) = after.not_compared.as_ref().or(before.not_compared.as_ref()) {
        return Some(format!("  {table}{fate}: not compared, {reason}\n"));
    }
    if before.columns != after.columns && !before.rows.is_empty() && !after.rows.is_empty() {
        return Some(format!("  {table}: not compared, its columns are not what they were\n"));
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
        return (!fate.is_empty()).then(|| format!("  {table}{fate}: no rows\n"));
    }
    let added = changes.added.iter().map(|row| format!("+ {}", cells(columns, row)));
    let altered = changes.changed.iter().map(|(was, is)| format!("~ {}", change(columns, &key, was, is)));
    let deleted = changes.deleted.iter().map(|row| format!("- {}", cells(columns, row)));
    let mut text = format!("  {table}{fate}: {}\n", counted.join(", "));
    let all = counts.iter().map(|(count, _)| count).sum::<usize>();
    for line in added.chain(altered).chain(deleted).take(ROWS) {
        let _ = writeln!(text, "    {line}");
    }
    if let Some(more) = all.checked_sub(ROWS).filter(|more| *more > 0) {
        let _ = writeln!(text, "    … and {more} more");
    }
    Some(text)
}

/// Table of one key are one row; without a key, rows are what is in them.
fn compare<'c>(key: &[usize], before: &'c Table, after: &'c Table) -> Changes<'c> {
    let mut changes = Changes::default();
    let mut old: BTreeMap<Vec<&Option<String>>, Vec<&'c Cells>> = BTreeMap::new();
    for row in &before.rows {
        old.entry(identity(key, row)).or_default().push(row);
    }
    for row in &after.rows {
        match old.get_mut(&identity(key, row)).and_then(Vec::pop) {
            Some(was) if was == row.as_slice() => {}
            Some(was) => changes.changed.push((was, row)),
            None => changes.added.push(row),
        }
    }
    changes.deleted = old.into_values().flatten().collect();
    let by_key = |left: &Cells, right: &Cells| natural(&identity(key, left), &identity(key, right));
    changes.added.sort_by(|left, right| by_key(left, right));
    changes.deleted.sort_by(|left, right| by_key(left, right));
    changes.changed.sort_by(|(left, _), (right, _)| by_key(left, right));
    changes
}

/// What a row is recognized by.
fn identity<'c>(key: &[usize], row: &'c Cells) -> Vec<&'c Option<String>> {
    if key.is_empty() { row.iter().collect() } else { key.iter().filter_map(|at| row.get(*at)).collect() }
}

/// Numbers by their size, everything else as text.
fn natural(left: &[&Option<String>], right: &[&Option<String>]) -> Ordering {
    let number = |cell: &Option<String>| cell.as_deref().and_then(|text| text.parse::<i128>().ok());
    let pairs = left.iter().zip(right).map(|(left, right)| match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    });
    pairs.fold(Ordering::Equal, Ordering::then)
}

fn cells(columns: &[String], row: &Cells) -> String {
    let cells =
        columns.iter().zip(row).map(|(column, cell)| format!("{}={}", line(column), shown_of(column, cell.as_deref())));
    cells.collect::<Vec<_>>().join(" ")
}

/// The key, and the cells that are not what they were.
fn change(columns: &[String], key: &[usize], was: &Cells, is: &Cells) -> String {
    let name: Vec<_> = key
        .iter()
        .map(|at| {
            format!("{}={}", line(&columns[*at]), shown_of(&columns[*at], is.get(*at).and_then(Option::as_deref)))
        })
        .collect();
    let pairs = columns.iter().zip(was.iter().zip(is)).filter(|(_, (was, is))| was != is);
    let changed = pairs.map(|(column, (was, is))| {
        // Where the beginnings are the same, the difference would be cut away.
        let (was, is) = (shown_of(column, was.as_deref()), shown_of(column, is.as_deref()));
        let column = line(column);
        match was == is {
            true if was.contains("***") => format!("{column}: {was} (it is another secret)"),
            true => format!("{column}: {was} (its end is another)"),
            false => format!("{column}: {was} → {is}"),
        }
    });
    format!("{}: {}", name.join(" "), changed.collect::<Vec<_>>().join(", "))
}

/// A name, which must not break a line or do something to the terminal.
fn line(name: &str) -> String {
    if name.contains(char::is_control) { name.escape_debug().to_string() } else { name.to_owned() }
}

/// A value of a column, without secrets.
fn shown_of(column: &str, cell: Option<&str>) -> String {
    shown(cell.map(|text| redacted_value(column, text)).as_deref())
}

/// A value as it would be written down: text with blanks or none in quotes, and not all of it if it is long.
fn shown(cell: Option<&str>) -> String {
    let Some(text) = cell else { return "NULL".to_owned() };
    let cut = text.char_indices().nth(LONGEST).map(|(end, _)| end);
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

    fn rows(columns: &[&str], key: &[&str], rows: &[&[Option<&str>]]) -> Table {
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
        let before = rows(
            &columns,
            &["id"],
            &[&[Some("2"), Some("pen"), Some("5")], &[Some("9"), Some("ink"), None], &[Some("10"), Some("cap"), None]],
        );
        let after = rows(
            &columns,
            &["id"],
            &[
                &[Some("2"), Some("pen"), Some("4")],
                &[Some("11"), Some("a book"), Some("1")],
                &[Some("3"), Some(""), None],
            ],
        );
        let told = difference(&one("products", before), &one("products", after));
        let expected = "itest: what the test did to the rows of its database:\n  \
                        products: 2 added, 1 changed, 2 deleted\n    \
                        + id=3 name='' stock=NULL\n    + id=11 name='a book' stock=1\n    ~ id=2: stock: 5 → 4\n    \
                        - id=9 name=ink stock=NULL\n    - id=10 name=cap stock=NULL\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_name_stays_in_its_line() {
        let columns = ["a\nb", "c\u{1b}[31m"];
        let before = rows(&columns, &columns[..1], &[&[Some("1"), Some("x")]]);
        let after = rows(&columns, &columns[..1], &[&[Some("1"), Some("y")], &[Some("2"), Some("z")]]);
        let told = difference(&one("new\nline", before), &one("new\nline", after));
        let expected = "itest: what the test did to the rows of its database:\n  new\\nline: 1 added, 1 changed\n    \
                        + a\\nb=2 c\\u{1b}[31m=z\n    ~ a\\nb=1: c\\u{1b}[31m: x → y\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn secrets_are_not_shown_whether_their_column_says_so_or_their_shape() {
        let columns = ["id", "password_hash", "note"];
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dBjftJeZ4CVP";
        let before = rows(&columns, &["id"], &[&[Some("1"), Some("$2b$12$old"), Some("x")]]);
        let after = rows(
            &columns,
            &["id"],
            &[&[Some("1"), Some("$2b$12$new"), Some("x")], &[Some("2"), None, Some(&format!("sent {jwt}"))]],
        );
        let told = difference(&one("users", before), &one("users", after));
        let expected = "itest: what the test did to the rows of its database:\n  users: 1 added, 1 changed\n    \
                        + id=2 password_hash=NULL note='sent ***'\n    ~ id=1: password_hash: *** (it is another secret)\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn without_a_key_equal_rows_are_counted() {
        let before = rows(&["x"], &[], &[&[Some("a")], &[Some("a")]]);
        let after = rows(&["x"], &[], &[&[Some("a")], &[Some("b")]]);
        let told = difference(&one("log", before.clone()), &one("log", after));
        assert!(told.contains("log: 1 added, 1 deleted\n    + x=b\n    - x=a\n"), "{told}");
        assert_eq!(
            difference(&one("log", before.clone()), &one("log", before)),
            "itest: the test changed no rows of its database\n"
        );
    }

    #[test]
    fn what_is_long_is_cut_and_the_rest_counted() {
        let text = "x".repeat(200);
        let cells: Vec<_> = (0..50).map(|id: i32| [id.to_string(), text.clone()]).collect();
        let cells: Vec<_> = cells.iter().map(|[id, text]| [Some(id.as_str()), Some(text.as_str())]).collect();
        let cells: Vec<&[Option<&str>]> = cells.iter().map(<[_; 2]>::as_slice).collect();
        let told = difference(&Contents::new(), &one("big", rows(&["id", "text"], &["id"], &cells)));
        assert!(told.contains("big (new): 50 added") && told.contains("    … and 30 more\n"), "{told}");
        assert!(told.lines().all(|line| line.chars().count() < 100), "{told}");
        let unread = Table { not_compared: Some("it is huge".to_owned()), ..Table::default() };
        let told = difference(&one("huge", unread), &one("huge", Table::default()));
        assert!(told.contains("huge: not compared, it is huge"), "{told}");
    }

    #[test]
    fn another_end_of_a_long_value_is_a_change() {
        let text = |end: &str| format!("{}{end}", "x".repeat(100));
        let row = |end: &str| rows(&["id", "t"], &["id"], &[&[Some("1"), Some(&text(end))]]);
        let told = difference(&one("a", row("1")), &one("a", row("2")));
        assert!(told.contains("… (its end is another)"), "{told}");
    }

    #[test]
    fn other_columns_are_said_and_not_compared() {
        let told = difference(
            &one("a", rows(&["x"], &[], &[&[Some("1")]])),
            &one("a", rows(&["x", "y"], &[], &[&[Some("1"), None]])),
        );
        assert!(told.contains("a: not compared, its columns are not what they were"), "{told}");
    }
}
