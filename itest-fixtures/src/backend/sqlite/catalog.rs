//! Reads the schema of an SQLite database from its catalog.
//!
//! The text of `CREATE TABLE` is not compared as a whole, because `ALTER TABLE` edits it and equal schemas can have different texts.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::backend::Entry;
use crate::database::script::{Dialect, normalized, tokens};

/// Lists tables with columns, indexes with columns, and foreign keys. Checks, views and triggers come from their texts.
const DETAILS: &str = "
WITH tables AS (
    SELECT * FROM pragma_table_list
    WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1
)
SELECT 'table ' || name, trim(iif(type = 'virtual', 'virtual ', '') || iif(wr, 'without rowid ', '') || iif(strict, 'strict', ''))
FROM tables
UNION ALL
SELECT 'table ' || tables.name, 'column ' || field.name || ' ' || lower(field.type)
    || iif(field.\"notnull\", ' not null', '') || coalesce(' default ' || field.dflt_value, '')
    || iif(field.pk, ' primary key ' || field.pk, '') || iif(field.hidden IN (2, 3), ' generated', '')
FROM tables JOIN pragma_table_xinfo(tables.name) AS field
UNION ALL
SELECT 'table ' || name, 'foreign key ' || group_concat(\"from\", ', ') || ' to ' || parent
    || coalesce(' (' || group_concat(\"to\", ', ') || ')', '') || ' on update ' || lower(on_update) || ' on delete ' || lower(on_delete)
FROM (
    SELECT tables.name, field.id, field.\"from\", field.\"to\", field.\"table\" AS parent, field.on_update, field.on_delete
    FROM tables JOIN pragma_foreign_key_list(tables.name) AS field ORDER BY tables.name, field.id, field.seq
) GROUP BY name, id, parent, on_update, on_delete
UNION ALL
SELECT 'table ' || name, iif(is_unique, 'unique ', '') || iif(origin = 'c', 'index ' || index_name || ' on ', 'constraint on ')
    || group_concat(part, ', ')
FROM (
    SELECT tables.name, list.name AS index_name, list.\"unique\" AS is_unique, list.origin,
        coalesce(part.name, '(expression)') || iif(part.desc, ' desc', '') || iif(part.coll = 'BINARY', '', ' collate ' || lower(part.coll)) AS part
    FROM tables JOIN pragma_index_list(tables.name) AS list JOIN pragma_index_xinfo(list.name) AS part
    WHERE part.key AND list.origin <> 'pk' ORDER BY tables.name, list.name, part.seqno
) GROUP BY name, index_name, is_unique, origin
";

const DEFINITION_TEXTS: &str = "SELECT type, name, tbl_name, sql FROM sqlite_schema \
                     WHERE sql IS NOT NULL AND tbl_name <> ? ORDER BY type, name";

/// Reads the schema, without the table of the migrations.
pub(super) async fn catalog(
    connection: &mut SqliteConnection,
    migrations_table: &str,
) -> Result<Vec<Entry>, sqlx::Error> {
    let details: Vec<(String, String)> =
        sqlx::query_as(DETAILS).bind(migrations_table).fetch_all(&mut *connection).await?;
    let mut entries: Vec<_> = details.into_iter().map(|(object, detail)| Entry::new(object, detail)).collect();
    let texts: Vec<(String, String, String, String)> =
        sqlx::query_as(AssertSqlSafe(DEFINITION_TEXTS)).bind(migrations_table).fetch_all(connection).await?;
    for (kind, name, table, sql) in texts {
        let (object, details) = match kind.as_str() {
            "table" => (format!("table {name}"), clauses(&sql)),
            "index" => (
                format!("table {table}"),
                special_index_definition(&sql)
                    .map(|definition| format!("index {name} {definition}"))
                    .into_iter()
                    .collect(),
            ),
            _ => (format!("{kind} {name}"), vec![normalized(&sql, Dialect::Sqlite)]),
        };
        entries.extend(details.into_iter().map(|detail| Entry::new(object.as_str(), detail)));
    }
    Ok(entries)
}

/// The properties that only the text of a table contains: checks, collations, generated columns and `AUTOINCREMENT`.
fn clauses(sql: &str) -> Vec<String> {
    let words: Vec<_> = tokens(sql, Dialect::Sqlite).collect();
    let mut clauses = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let rest = &words[at + 1..];
        match word.to_ascii_uppercase().as_str() {
            "CHECK" => clauses.push(format!("check {}", parenthesized(rest))),
            "AS" if rest.first() == Some(&"(") => clauses.push(format!("generated as {}", parenthesized(rest))),
            "COLLATE" => clauses.extend(rest.first().map(|name| format!("collate {}", name.to_lowercase()))),
            "AUTOINCREMENT" => clauses.push("autoincrement".to_owned()),
            "USING" => clauses.push(format!("using {}", rest.join(" "))),
            _ => {}
        }
    }
    clauses
}

/// The definition of an index, if it has expressions or a `WHERE` clause.
fn special_index_definition(sql: &str) -> Option<String> {
    let words: Vec<_> = tokens(sql, Dialect::Sqlite).collect();
    let on = words.iter().position(|word| word.eq_ignore_ascii_case("on"))?;
    let parts = words.get(on + 2..)?;
    let is_special =
        parts.iter().any(|word| word.eq_ignore_ascii_case("where")) || parts.iter().skip(1).any(|word| *word == "(");
    is_special.then(|| format!("is {}", parts.join(" ")))
}

/// The tokens from an opening parenthesis to its closing one.
fn parenthesized(words: &[&str]) -> String {
    let mut depth = 0_usize;
    let mut group = Vec::new();
    for word in words {
        match *word {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        group.push(*word);
        if depth == 0 {
            break;
        }
    }
    group.join(" ")
}
