//! Reads the contents of a new clone that must be the same before the next test: relations with their rows, sequences, and the schema.

use std::collections::HashMap;
use std::future::poll_fn;

use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;
use sqlx::{AssertSqlSafe, Executor, Row};

use itest_runtime::Error;

use super::connection::quoted;
use crate::database::failed_to;

/// A worker keeps at most this many bytes of seeded rows in memory. If a test changes a table beyond this limit, its database is replaced.
const MAX_SEED_BYTES: usize = 64 << 20;

/// Whether an object of the schema calls `current_setting`, by its name in source code or by its OIDs in parsed expressions.
const READS_SETTINGS: &str = "
    WITH code (text) AS (
        SELECT prosrc FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT prosqlbody::text FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat(polqual, polwithcheck) FROM pg_policy
        UNION ALL SELECT concat(ev_qual, ev_action) FROM pg_rewrite WHERE oid >= 16384
        UNION ALL SELECT adbin::text FROM pg_attrdef
        UNION ALL SELECT conbin::text FROM pg_constraint WHERE oid >= 16384
        UNION ALL SELECT tgqual::text FROM pg_trigger
    )
    SELECT EXISTS (SELECT FROM code WHERE text ILIKE '%current_setting%' OR text ~ ':funcid (2077|3294) ')";

/// A table or a materialized view.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) oid: Oid,
    /// Quoted, with its schema.
    pub(super) name: String,
    pub(super) kind: RelationKind,
    /// The seeded rows in the binary format of `COPY`, or `None` if there are no rows.
    pub(super) rows: Option<Vec<u8>>,
}

/// Whether the rows of a relation can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RelationKind {
    /// A table whose rows can be restored.
    Table,
    /// A materialized view, or a table with more rows than the worker keeps.
    NotRestorable,
}

/// A sequence and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Quoted, with its schema.
    pub(super) name: String,
    pub(super) last: i64,
    pub(super) is_called: bool,
}

impl Sequence {
    /// The state in the format in which [`State`](super::change_detector::State) has it.
    pub(super) fn state(&self) -> String {
        format!("{} {}", self.last, if self.is_called { 't' } else { 'f' })
    }
}

/// The contents of a database.
#[derive(Debug, Clone)]
pub(super) struct Inventory {
    pub(super) database: Oid,
    pub(super) relations: Vec<Relation>,
    pub(super) sequences: Vec<Sequence>,
    /// The system catalogs that describe the schema, without those of statistics.
    pub(super) catalogs: Vec<(Oid, String)>,
    /// For each relation, a hash of its definition in `pg_class`, and the number of its file.
    pub(super) entries: HashMap<Oid, (String, Oid)>,
    /// Whether functions, policies, views or defaults read settings of the session. A session cannot remove a custom setting again: after a
    /// reset the setting is empty, and no longer undefined.
    pub(super) reads_settings: bool,
}

/// Why a database has no snapshot.
#[derive(Debug)]
pub(super) enum NoSnapshot {
    /// The database cannot be recycled at all, for this reason.
    NotRecyclable(&'static str),
    /// The server has not answered as it should.
    Failed(Error),
}

impl Inventory {
    /// Reads the inventory of a database that no other session uses.
    pub(super) async fn read(connection: &mut PgConnection) -> Result<Self, NoSnapshot> {
        let failed = |error: sqlx::Error| NoSnapshot::Failed(failed_to("read the contents of a new database", &error));
        match obstacle(connection).await.map_err(failed)? {
            Some(reason) => Err(NoSnapshot::NotRecyclable(reason)),
            None => Self::query(connection).await.map_err(failed),
        }
    }

    async fn query(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let database = sqlx::query_scalar("SELECT oid FROM pg_database WHERE datname = current_database()");
        let database = database.fetch_one(&mut *connection).await?;
        let relations = relations(connection).await?;
        let sequences = sequences(connection).await?;
        let catalogs = sqlx::query(
            "SELECT oid, relname::text FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'
             AND NOT relisshared AND relname NOT IN ('pg_statistic', 'pg_statistic_ext_data') ORDER BY oid",
        );
        let catalogs = catalogs.fetch_all(&mut *connection).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
        let entries = entries(connection).await?;
        let reads_settings = sqlx::query_scalar(READS_SETTINGS).fetch_one(&mut *connection).await?;
        Ok(Self { database, relations, sequences, catalogs, entries, reads_settings })
    }
}

/// The reason why the rows of the database cannot be restored, if there is one.
async fn obstacle(connection: &mut PgConnection) -> Result<Option<&'static str>, sqlx::Error> {
    if connection.execute("BEGIN; SET LOCAL session_replication_role = replica; COMMIT").await.is_err() {
        connection.execute("ROLLBACK").await?;
        return Ok(Some("the role may not set session_replication_role"));
    }
    let has_always_trigger: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgenabled IN ('A', 'R') AND NOT tgisinternal)
             OR EXISTS (SELECT FROM pg_rewrite WHERE ev_enabled IN ('A', 'R') AND oid >= 16384)",
    )
    .fetch_one(&mut *connection)
    .await?;
    Ok(has_always_trigger.then_some("a trigger or a rule fires always, also when rows are restored"))
}

async fn relations(connection: &mut PgConnection) -> Result<Vec<Relation>, sqlx::Error> {
    let tables = sqlx::query(
        "SELECT c.oid, nspname::text, relname::text, relkind = 'r', pg_relation_size(c.oid) > 0
         FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind IN ('r', 'm') AND c.oid >= 16384 ORDER BY c.oid",
    );
    let mut relations = Vec::new();
    let mut size = 0;
    for row in tables.fetch_all(&mut *connection).await? {
        let name = format!("{}.{}", quoted(row.get(1)), quoted(row.get(2)));
        let (is_table, has_rows): (bool, bool) = (row.get(3), row.get(4));
        let mut relation = Relation {
            oid: row.get(0),
            name,
            kind: if is_table { RelationKind::Table } else { RelationKind::NotRestorable },
            rows: None,
        };
        if is_table && has_rows {
            let rows = copy_out(connection, &relation.name).await?;
            size += rows.len();
            relation.rows = Some(rows).filter(|rows| !is_empty(rows));
            if size > MAX_SEED_BYTES {
                relation = Relation { kind: RelationKind::NotRestorable, rows: None, ..relation };
            }
        }
        relations.push(relation);
    }
    Ok(relations)
}

/// Reads all rows of one table in the binary format of `COPY`.
async fn copy_out(connection: &mut PgConnection, table: &str) -> Result<Vec<u8>, sqlx::Error> {
    let statement = format!("COPY {table} TO STDOUT (FORMAT binary)");
    let mut stream = connection.copy_out_raw(&statement).await?;
    let mut rows = Vec::new();
    while let Some(part) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        rows.extend_from_slice(&part?);
    }
    Ok(rows)
}

/// Whether the output of `COPY` consists of its header and its trailer only.
fn is_empty(rows: &[u8]) -> bool {
    const HEADER_AND_TRAILER: usize = 19 + 2;
    rows.len() <= HEADER_AND_TRAILER
}

async fn sequences(connection: &mut PgConnection) -> Result<Vec<Sequence>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT nspname::text, relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
         WHERE relkind = 'S' AND relpersistence <> 't' ORDER BY c.oid",
    );
    let mut sequences = Vec::new();
    for row in rows.fetch_all(&mut *connection).await? {
        let name = format!("{}.{}", quoted(row.get(0)), quoted(row.get(1)));
        let state = format!("SELECT last_value, is_called FROM {name}");
        let state = sqlx::query(AssertSqlSafe(state)).fetch_one(&mut *connection).await?;
        sequences.push(Sequence { name, last: state.get(0), is_called: state.get(1) });
    }
    Ok(sequences)
}

/// Reads for each relation a hash of its entry in `pg_class`, without the columns that change when rows are rewritten or counted, and the
/// number of its file.
pub(super) async fn entries(connection: &mut PgConnection) -> Result<HashMap<Oid, (String, Oid)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT oid, relfilenode, md5((to_jsonb(c) - ARRAY['relfilenode', 'relpages', 'reltuples', 'relallvisible',
         'relallfrozen', 'relfrozenxid', 'relminmxid'])::text) FROM pg_class c WHERE oid >= 16384",
    );
    let rows = rows.fetch_all(connection).await?;
    Ok(rows.iter().map(|row| (row.get(0), (row.get(2), row.get(1)))).collect())
}
