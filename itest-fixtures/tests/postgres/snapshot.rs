//! Everything that a test can see of a database: rows, sequences, schema, large objects, settings, sessions.

use std::collections::BTreeMap;

use itest::Result;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

/// What was seen, by what it is: a hash.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// What there is to ask, and how.
const QUESTIONS: &str = "
    SELECT 'rows of ' || oid::regclass, format('SELECT r::text FROM ONLY %s r', oid::regclass) FROM pg_class
    WHERE relkind IN ('r', 'm') AND oid >= 16384
    UNION ALL
    SELECT 'sequence ' || oid::regclass, format('SELECT concat(last_value, is_called) FROM %s', oid::regclass)
    FROM pg_class WHERE relkind = 'S'
    UNION ALL
    SELECT 'catalog ' || relname, CASE relname
        WHEN 'pg_class' THEN 'SELECT (to_jsonb(c) - ARRAY[''relfilenode'', ''relpages'', ''reltuples'', ''relallvisible'',
            ''relfrozenxid'', ''relminmxid'', ''relallfrozen''])::text FROM pg_class c'
        WHEN 'pg_namespace' THEN 'SELECT n::text FROM pg_namespace n WHERE nspname !~ ''^pg_(toast_)?temp_'''
        WHEN 'pg_proc' THEN 'SELECT p::text FROM pg_proc p WHERE oid >= 16384'
        WHEN 'pg_attribute' THEN 'SELECT a::text FROM pg_attribute a WHERE attrelid >= 16384'
        WHEN 'pg_type' THEN 'SELECT t::text FROM pg_type t WHERE oid >= 16384'
        WHEN 'pg_operator' THEN 'SELECT o::text FROM pg_operator o WHERE oid >= 16384'
        WHEN 'pg_collation' THEN 'SELECT c::text FROM pg_collation c WHERE oid >= 16384'
        WHEN 'pg_rewrite' THEN 'SELECT r::text FROM pg_rewrite r WHERE oid >= 16384'
        ELSE format('SELECT c::text FROM pg_catalog.%I c', relname) END
    FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
    AND relname NOT IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_description', 'pg_amop', 'pg_amproc', 'pg_ts_config_map')";

/// What is asked of every database.
const OTHERS: [(&str, &str); 12] = [
    (
        "descriptions",
        "SELECT d::text FROM pg_description d WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass",
    ),
    (
        "settings",
        "SELECT concat(name, '=', setting) FROM pg_settings WHERE name NOT LIKE 'plpgsql.%' AND name <> 'application_name'",
    ),
    // A setting that was made in a session and reset is empty, and not unset; see `Tenants`.
    ("a setting of its own", "SELECT coalesce(current_setting('app.tenant', true), '')"),
    ("who", "SELECT concat(current_user, session_user, current_schemas(true))"),
    ("channels", "SELECT pg_listening_channels()"),
    ("cursors", "SELECT name FROM pg_cursors WHERE is_holdable"),
    ("prepared", "SELECT name FROM pg_prepared_statements WHERE from_sql"),
    ("transactions", "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"),
    (
        "locks",
        "SELECT concat(classid, ' ', objid) FROM pg_locks WHERE locktype = 'advisory'
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    ),
    (
        "sessions",
        "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND backend_type = 'client backend' AND application_name <> 'itest' AND state <> 'idle'",
    ),
    (
        "settings of the database",
        "SELECT concat(setrole, setconfig) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase
         WHERE datname = current_database()",
    ),
    ("the database", "SELECT concat(datdba, datconnlimit, datacl) FROM pg_database WHERE datname = current_database()"),
];

async fn questions(connection: &mut PgConnection) -> Result<Vec<(String, String)>> {
    let found: Vec<(String, String)> = sqlx::query_as(QUESTIONS).fetch_all(connection).await?;
    let others = OTHERS.map(|(what, question)| (what.to_owned(), question.to_owned()));
    Ok(found.into_iter().chain(others).collect())
}

/// Looks through a connection of the pool.
pub(crate) async fn snapshot(pool: &PgPool) -> Result<Snapshot> {
    let mut connection = pool.acquire().await?;
    let asked = questions(&mut connection).await?;
    let hash = |(what, question): &(String, String)| {
        let what = what.replace('\'', "''");
        format!(
            "SELECT '{what}', md5(coalesce(string_agg(l::text, E'\\n' ORDER BY l::text), '')) FROM ({question}) q (l)"
        )
    };
    let all = asked.iter().map(hash).collect::<Vec<_>>().join(" UNION ALL ");
    let seen: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(all)).fetch_all(&mut *connection).await?;
    Ok(seen.into_iter().collect())
}

/// What is not the same, with the first lines of what is there now.
pub(crate) async fn differences(pool: &PgPool, fresh: &Snapshot, seen: &Snapshot) -> Result<Vec<String>> {
    let mut told = Vec::new();
    if fresh == seen {
        return Ok(told);
    }
    let mut connection = pool.acquire().await?;
    for (what, question) in questions(&mut connection).await? {
        if fresh.get(&what) != seen.get(&what) {
            let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(question)).fetch_all(&mut *connection).await?;
            told.push(format!("{what}: {:#?}", lines.into_iter().take(8).collect::<Vec<_>>()));
        }
    }
    told.extend(fresh.keys().filter(|what| !seen.contains_key(*what)).map(|what| format!("{what}: gone")));
    Ok(told)
}
