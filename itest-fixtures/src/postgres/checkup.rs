//! What a test has changed in its database, found out with one statement.
//!
//! The server counts the rows that were inserted, updated and deleted in each table and catalog. A session writes its counts
//! down when it ends, or when it is asked to (`pg_stat_force_next_flush`); after all sessions of a test have done one or the
//! other the counts are exact. A table whose count has not moved was not touched.
//!
//! Whether sessions have ended is seen first, and everything else only when they have: a count that is read while a session is about
//! to end may be read before it is written, and the session be gone when it is looked for.

use std::fmt::Write;

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Row};

use super::inventory::{Inventory, entries};

/// The statement that looks, made for one database.
#[derive(Debug)]
pub(super) struct Checkup {
    statement: String,
}

/// What it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// So many sessions that are not the pool's.
    Sessions(usize),
    /// There are none.
    State(State),
}

/// What is in a database that nobody uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    /// A count for each relation.
    pub(super) relations: Vec<i64>,
    /// Of all catalogs together.
    pub(super) catalogs: i64,
    /// The state of each sequence, in the inventory's words.
    pub(super) sequences: Vec<String>,
    /// Transactions that wait for their second phase.
    pub(super) prepared: i64,
    /// The entries that say what the database is, and how sessions in it begin; and when somebody set the counts to nothing.
    pub(super) settings: String,
}

/// Where the time stands in the server's count of transactions: what is younger was written after it.
pub(super) type Age = String;

/// What has become of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SchemaChange {
    /// Nothing, but that files of these relations were exchanged, by `TRUNCATE` and the like: their rows are others.
    Rewritten(Vec<Oid>),
    /// It is another one.
    Other,
}

impl Checkup {
    pub(super) fn of(inventory: &Inventory) -> Self {
        let oids =
            |oids: &mut dyn Iterator<Item = Oid>| oids.map(|oid| oid.0.to_string()).collect::<Vec<_>>().join(",");
        let relations = oids(&mut inventory.relations.iter().map(|relation| relation.oid));
        let catalogs = oids(&mut inventory.catalogs.iter().map(|(oid, _)| *oid));
        let count = "pg_stat_get_tuples_inserted(o) + pg_stat_get_tuples_updated(o) + pg_stat_get_tuples_deleted(o)";
        let mut states = "SELECT NULL AS state, 0 AS place WHERE false".to_owned();
        for (place, sequence) in inventory.sequences.iter().enumerate() {
            let _ =
                write!(states, " UNION ALL SELECT concat(last_value, ' ', is_called), {place} FROM {}", sequence.name);
        }
        let database = inventory.database.0;
        let when_alone = [
            format!(
                "SELECT coalesce(array_agg({count} ORDER BY place), '{{}}')
                 FROM unnest('{{{relations}}}'::oid[]) WITH ORDINALITY AS u (o, place)"
            ),
            format!("SELECT sum({count})::bigint FROM unnest('{{{catalogs}}}'::oid[]) AS u (o)"),
            format!("SELECT coalesce(array_agg(state ORDER BY place), '{{}}') FROM ({states}) AS states"),
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
        let when_alone = when_alone.map(|asked| format!("CASE WHEN sessions = 0 THEN ({asked}) END")).join(", ");
        let statement = format!(
            "SELECT sessions, {when_alone}
             FROM (SELECT count(*) AS sessions FROM pg_stat_get_activity(NULL) WHERE datid = {database}
                   AND backend_type IN ('client backend', 'walsender') AND pid <> pg_backend_pid() AND pid <> ALL ($1)) AS present"
        );
        Self { statement }
    }

    /// Looks; `own` are the sessions of the test's pool.
    pub(super) async fn look(&self, connection: &mut PgConnection, own: &[i32]) -> Result<Seen, sqlx::Error> {
        let row = sqlx::query(AssertSqlSafe(self.statement.as_str())).bind(own).fetch_one(connection).await?;
        let sessions: i64 = row.try_get(0)?;
        if sessions > 0 {
            return Ok(Seen::Sessions(usize::try_from(sessions).unwrap_or(usize::MAX)));
        }
        Ok(Seen::State(State {
            relations: row.try_get(1)?,
            catalogs: row.try_get(2)?,
            sequences: row.try_get(3)?,
            prepared: row.try_get(4)?,
            settings: row.try_get(5)?,
        }))
    }
}

/// Where the time stands now; every transaction of the database must be over.
pub(super) async fn now(connection: &mut PgConnection) -> Result<Age, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_current_xact_id()::xid::text").fetch_one(connection).await
}

/// A count of each catalog's entries, and of those that are younger than a point in time. Temporary schemas are made on first use
/// and stay, and are nobody's.
fn census(inventory: &Inventory, since: &Age) -> String {
    let mut statement = String::new();
    for (_, name) in &inventory.catalogs {
        let separator = if statement.is_empty() { "" } else { " UNION ALL " };
        let lasting = match name.as_str() {
            "pg_namespace" => "WHERE nspname !~ '^pg_(toast_)?temp_'",
            _ => "",
        };
        let _ = write!(
            statement,
            "{separator}SELECT '{name}' AS catalog, count(*) AS all, count(*) FILTER (WHERE age(xmin) < age('{since}'::xid)) AS young
             FROM pg_catalog.{name} {lasting}"
        );
    }
    statement
}

/// How many entries each catalog has.
pub(super) async fn counted(connection: &mut PgConnection, inventory: &Inventory) -> Result<Vec<i64>, sqlx::Error> {
    let statement = format!("SELECT c.all FROM ({}) c ORDER BY catalog", census(inventory, &"3".to_owned()));
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(connection).await
}

/// Looks closely at a schema whose catalogs were written to: what was rolled back, or was temporary, has left nothing.
pub(super) async fn schema_change(
    connection: &mut PgConnection,
    inventory: &Inventory,
    counts: &[i64],
    since: &Age,
) -> Result<SchemaChange, sqlx::Error> {
    let statement = format!("SELECT catalog, c.all, young FROM ({}) c ORDER BY catalog", census(inventory, since));
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut *connection).await?;
    let is_same =
        rows.len() == counts.len() && rows.iter().zip(counts).all(|(row, count)| row.get::<i64, _>(1) == *count);
    let young: Vec<&str> = rows.iter().filter(|row| row.get::<i64, _>(2) > 0).map(|row| row.get(0)).collect();
    match young.as_slice() {
        // Also where nothing is young: some hints of an entry are written over, and a rollback does not take them back.
        [] | ["pg_class"] if is_same => {
            let now = entries(connection).await?;
            let mut rewritten = Vec::new();
            for (oid, (entry, file)) in &inventory.entries {
                match now.get(oid) {
                    Some((same, other)) if same == entry => {
                        if file != other {
                            rewritten.push(*oid);
                        }
                    }
                    _ => return Ok(SchemaChange::Other),
                }
            }
            Ok(SchemaChange::Rewritten(rewritten))
        }
        _ => Ok(SchemaChange::Other),
    }
}
