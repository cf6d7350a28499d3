//! A snapshot of everything that a test can observe in a database: definitions, rows, `AUTO_INCREMENT` values, and its session.

use std::collections::BTreeMap;

use itest::Result;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, MySqlConnection, MySqlPool, Row};

/// The results of the queries, by their titles.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// The queries of a snapshot. Names of databases and times are left out because they differ each time, and locks of the server because
/// another worker may hold them.
const QUERIES: [(&str, &str); 12] = [
    ("tables", "SELECT table_name, table_type, engine, table_collation, table_comment, auto_increment, create_options
                FROM information_schema.tables WHERE table_schema = database()"),
    ("columns", "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, collation_name, extra,
                 generation_expression, column_comment FROM information_schema.columns WHERE table_schema = database()"),
    ("indexes", "SELECT table_name, index_name, non_unique, seq_in_index, column_name, index_comment
                 FROM information_schema.statistics WHERE table_schema = database()"),
    ("keys", "SELECT table_name, constraint_name, unique_constraint_name, referenced_table_name, update_rule, delete_rule
              FROM information_schema.referential_constraints WHERE constraint_schema = database()"),
    ("checks", "SELECT table_name, constraint_name, check_clause FROM information_schema.check_constraints
                WHERE constraint_schema = database()"),
    ("views", "SELECT table_name, replace(view_definition, concat('`', database(), '`.'), ''), security_type
               FROM information_schema.views WHERE table_schema = database()"),
    ("triggers", "SELECT trigger_name, event_manipulation, event_object_table, action_order, action_timing, action_statement, sql_mode
                  FROM information_schema.triggers WHERE trigger_schema = database()"),
    ("routines", "SELECT routine_type, routine_name, dtd_identifier, routine_definition, is_deterministic, security_type, sql_mode,
                  routine_comment FROM information_schema.routines WHERE routine_schema = database()"),
    ("parameters", "SELECT specific_name, ordinal_position, parameter_mode, parameter_name, dtd_identifier
                    FROM information_schema.parameters WHERE specific_schema = database()"),
    ("events", "SELECT event_name, event_definition FROM information_schema.events WHERE event_schema = database()"),
    ("database", "SELECT default_character_set_name, default_collation_name, schema_comment FROM information_schema.schemata
                  WHERE schema_name = database()"),
    ("session", "SELECT @mine, @@sql_mode, @@autocommit, @@foreign_key_checks, @@unique_checks, @@time_zone, @@character_set_client,
                 @@tx_isolation, @@auto_increment_increment, @@insert_id, @@in_transaction,
                 coalesce(is_used_lock('lock 1') = connection_id(), false), is_free_lock(concat('lock of ', database()))"),
];

/// Takes a snapshot on a connection of the pool.
pub(crate) async fn snapshot(pool: &MySqlPool) -> Result<Snapshot> {
    let mut connection = pool.acquire().await?;
    let mut snapshot = Snapshot::new();
    for (title, query) in QUERIES {
        snapshot.insert(title.to_owned(), lines(&mut connection, query).await?);
    }
    let names = "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = database()";
    for row in sqlx::raw_sql(names).fetch_all(&mut *connection).await? {
        let (plain, kind) = (cell(&row, 0), cell(&row, 1));
        let name = format!("`{}`", plain.replace('`', "``"));
        let columns = if kind == "SEQUENCE" { "next_not_cached_value" } else { "*" };
        let rows = lines(&mut connection, &format!("SELECT {columns} FROM {name}")).await?;
        snapshot.insert(format!("rows of {plain}"), rows);
    }
    Ok(snapshot)
}

async fn lines(connection: &mut MySqlConnection, query: &str) -> Result<String> {
    let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(connection).await?;
    let mut lines: Vec<String> =
        rows.iter().map(|row| (0..row.len()).map(|index| cell(row, index)).collect::<Vec<_>>().join(" | ")).collect();
    lines.sort();
    Ok(lines.join("\n"))
}

fn cell(row: &MySqlRow, index: usize) -> String {
    match row.try_get_unchecked::<Option<Vec<u8>>, _>(index) {
        Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(None) => "NULL".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The entries that differ between two snapshots.
pub(crate) fn differences(fresh: &Snapshot, current: &Snapshot) -> Vec<String> {
    let names = fresh.keys().chain(current.keys()).collect::<std::collections::BTreeSet<_>>();
    let other = names.into_iter().filter(|name| fresh.get(*name) != current.get(*name));
    let text = |entry: Option<&String>| entry.map_or("nothing", String::as_str).to_owned();
    other.map(|name| format!("{name}:\n{}\ninstead of\n{}", text(current.get(name)), text(fresh.get(name)))).collect()
}
