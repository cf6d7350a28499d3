//! Detects what a test has changed in its database, with one statement.
//!
//! The server counts the inserted, updated and deleted rows of each table and catalog. A session publishes its counts when it ends, or when
//! `pg_stat_force_next_flush` is called in it; when all sessions of a test have done one or the other, the counts are exact. A table whose
//! count is unchanged was not written to.
//!
//! The statement first checks whether sessions of the test still exist, and reads everything else only if there are none. In the other
//! order, the counts could be read before a session publishes its own, and the session could have ended when it is looked for.

use std::fmt::Write;

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Row};

use super::inventory::{Inventory, entries};

/// The statement that detects changes, built for one database.
#[derive(Debug)]
pub(super) struct ChangeDetector {
    statement: String,
}

/// The result of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Observation {
    /// The number of sessions that do not belong to the test's pool.
    Sessions(usize),
    /// There are no such sessions, so that the state is exact.
    State(State),
}

/// The state of a database that no session writes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The number of row changes for each relation.
    pub(super) relations: Vec<i64>,
    /// The number of row changes in all catalogs together.
    pub(super) catalogs: i64,
    /// The state of each sequence, in the format of the inventory.
    pub(super) sequences: Vec<String>,
    /// The number of prepared transactions.
    pub(super) prepared: i64,
    /// The catalog entries about the database itself and the settings of its sessions, and the time of the last reset of the counts.
    pub(super) settings: String,
}

/// A transaction id as text. Rows written by later transactions have a greater `xmin`.
pub(super) type TransactionId = String;

/// How a schema differs from the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SchemaChange {
    /// The definitions are equal. The files of these relations were replaced, by `TRUNCATE` or a similar statement, so their rows may have
    /// changed.
    Rewritten(Vec<Oid>),
    /// The definitions differ.
    Changed,
}

impl ChangeDetector {
    pub(super) fn of(inventory: &Inventory) -> Self {
        let oids =
            |oids: &mut dyn Iterator<Item = Oid>| oids.map(|oid| oid.0.to_string()).collect::<Vec<_>>().join(",");
        let relations = oids(&mut inventory.relations.iter().map(|relation| relation.oid));
        let catalogs = oids(&mut inventory.catalogs.iter().map(|(oid, _)| *oid));
        let count = "pg_stat_get_tuples_inserted(o) + pg_stat_get_tuples_updated(o) + pg_stat_get_tuples_deleted(o)";
        let mut states = "SELECT NULL AS state, 0 AS position WHERE false".to_owned();
        for (position, sequence) in inventory.sequences.iter().enumerate() {
            let _ = write!(
                states,
                " UNION ALL SELECT concat(last_value, ' ', is_called), {position} FROM {}",
                sequence.name
            );
        }
        let database = inventory.database.0;
        let when_idle = [
            format!(
                "SELECT coalesce(array_agg({count} ORDER BY position), '{{}}')
                 FROM unnest('{{{relations}}}'::oid[]) WITH ORDINALITY AS u (o, position)"
            ),
            format!("SELECT sum({count})::bigint FROM unnest('{{{catalogs}}}'::oid[]) AS u (o)"),
            format!("SELECT coalesce(array_agg(state ORDER BY position), '{{}}') FROM ({states}) AS states"),
            format!("SELECT count(*) FROM pg_prepared_xact() WHERE dbid = {database}"),
            format!(
                "SELECT (SELECT coalesce(string_agg(concat(setrole, setconfig), ',' ORDER BY setrole), '') FROM pg_db_role_setting
                         WHERE setdatabase = {database})
                     || (SELECT concat_ws(' ', datdba, datconnlimit, datistemplate, datallowconn, dattablespace, datacl, datname,
                                          pg_stat_get_db_stat_reset_time(oid)) FROM pg_database WHERE oid = {database})
                     || (SELECT coalesce(string_agg(description, ','), '') FROM pg_shdescription
                         WHERE objoid = {database} AND classoid = 'pg_database'::regclass)
                     || (SELECT coalesce(string_agg(concat(provider, label), ',' ORDER BY provider), '') FROM pg_shseclabel
                         WHERE objoid = {database} AND classoid = 'pg_database'::regclass)
                     || (SELECT coalesce(string_agg(oid::text, ',' ORDER BY oid), '') FROM pg_subscription
                         WHERE subdbid = {database})"
            ),
        ];
        let when_idle = when_idle.map(|query| format!("CASE WHEN sessions = 0 THEN ({query}) END")).join(", ");
        let statement = format!(
            "SELECT sessions, {when_idle}
             FROM (SELECT count(*) AS sessions FROM pg_stat_get_activity(NULL) WHERE datid = {database}
                   AND backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid() AND pid <> ALL ($1)) AS present"
        );
        Self { statement }
    }

    /// Runs the statement. `own` are the ids of the sessions of the test's pool.
    pub(super) async fn observe(&self, connection: &mut PgConnection, own: &[i32]) -> Result<Observation, sqlx::Error> {
        let row = sqlx::query(AssertSqlSafe(self.statement.as_str())).bind(own).fetch_one(connection).await?;
        let sessions: i64 = row.try_get(0)?;
        if sessions > 0 {
            return Ok(Observation::Sessions(usize::try_from(sessions).unwrap_or(usize::MAX)));
        }
        Ok(Observation::State(State {
            relations: row.try_get(1)?,
            catalogs: row.try_get(2)?,
            sequences: row.try_get(3)?,
            prepared: row.try_get(4)?,
            settings: row.try_get(5)?,
        }))
    }
}

/// The current transaction id. No transaction of the database may be open.
pub(super) async fn current_transaction_id(connection: &mut PgConnection) -> Result<TransactionId, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_current_xact_id()::xid::text").fetch_one(connection).await
}

/// A query that counts the entries of each catalog, and those written after a transaction. Temporary schemas do not count, because the
/// server creates them on first use, keeps them, and uses them again for other sessions.
fn catalog_counts_query(inventory: &Inventory, since: &TransactionId) -> String {
    let mut statement = String::new();
    for (_, name) in &inventory.catalogs {
        let separator = if statement.is_empty() { "" } else { " UNION ALL " };
        let condition = match name.as_str() {
            "pg_namespace" => "WHERE nspname !~ '^pg_(toast_)?temp_'",
            _ => "",
        };
        let _ = write!(
            statement,
            "{separator}SELECT '{name}' AS catalog, count(*) AS all, count(*) FILTER (WHERE age(xmin) < age('{since}'::xid)) AS young
             FROM pg_catalog.{name} {condition}"
        );
    }
    statement
}

/// Counts the entries of each catalog.
pub(super) async fn catalog_counts(
    connection: &mut PgConnection,
    inventory: &Inventory,
) -> Result<Vec<i64>, sqlx::Error> {
    let statement =
        format!("SELECT c.all FROM ({}) c ORDER BY catalog", catalog_counts_query(inventory, &"3".to_owned()));
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(connection).await
}

/// Compares a schema whose catalogs were written to with the inventory. Changes that were rolled back, and temporary objects, leave no
/// difference.
pub(super) async fn compare_schema(
    connection: &mut PgConnection,
    inventory: &Inventory,
    counts: &[i64],
    since: &TransactionId,
) -> Result<SchemaChange, sqlx::Error> {
    let statement =
        format!("SELECT catalog, c.all, young FROM ({}) c ORDER BY catalog", catalog_counts_query(inventory, since));
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut *connection).await?;
    let is_same =
        rows.len() == counts.len() && rows.iter().zip(counts).all(|(row, count)| row.get::<i64, _>(1) == *count);
    let young: Vec<&str> = rows.iter().filter(|row| row.get::<i64, _>(2) > 0).map(|row| row.get(0)).collect();
    match young.as_slice() {
        // The entries are compared even if none is newer: the server overwrites some columns of an entry in place, and a rollback does not
        // undo that.
        [] | ["pg_class"] if is_same => {
            let current_entries = entries(connection).await?;
            let mut rewritten = Vec::new();
            for (oid, (entry, file)) in &inventory.entries {
                match current_entries.get(oid) {
                    Some((same, other)) if same == entry => {
                        if file != other {
                            rewritten.push(*oid);
                        }
                    }
                    _ => return Ok(SchemaChange::Changed),
                }
            }
            Ok(SchemaChange::Rewritten(rewritten))
        }
        _ => Ok(SchemaChange::Changed),
    }
}
