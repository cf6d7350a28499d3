//! A snapshot of everything that a test can observe in a database: rows, sequences, schema, large objects, settings, sessions.

use std::collections::BTreeMap;

use itest::Result;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

/// The extent of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The whole database, with OIDs, because clones have the same OIDs.
    Database,
    /// The first schema of the search path and the session, by names. Everything else is shared with other tests.
    Schema,
}

/// Hashes of the results of the queries, by their titles.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// Lists titles and queries for a whole database.
const DATABASE_QUERIES: &str = "
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

/// Lists titles and queries for one schema. Times and OIDs are left out, because they differ each time.
const SCHEMA_QUERIES: &str = "
    WITH own AS (SELECT oid, relname, relkind FROM pg_class WHERE relnamespace = current_schema()::regnamespace)
    SELECT 'rows of ' || relname,
        format('SELECT (to_jsonb(r) - ARRAY[''at'', ''installed_on'', ''execution_time''])::text FROM ONLY %s r', oid::regclass)
    FROM own WHERE relkind IN ('r', 'm')
    UNION ALL
    SELECT 'sequence ' || relname, format('SELECT concat(last_value, is_called) FROM %s', oid::regclass)
    FROM own WHERE relkind = 'S'
    UNION ALL VALUES
    ('relations', 'SELECT concat_ws('' '', relname, relkind, relpersistence, relacl, reloptions, relrowsecurity,
        relispartition, relhasrules, relhastriggers, relhassubclass, pg_get_expr(relpartbound, oid))
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace'),
    ('columns', 'SELECT concat_ws('' '', attrelid::regclass, attnum, attname, attisdropped, format_type(atttypid, atttypmod),
        attnotnull, attidentity, attgenerated, attacl, pg_get_expr(adbin, adrelid))
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum JOIN pg_class c ON c.oid = attrelid
        WHERE relnamespace = current_schema()::regnamespace AND attnum > 0'),
    ('sequences', 'SELECT concat_ws('' '', oid::regclass, seqstart, seqincrement, seqmax, seqmin, seqcycle,
        pg_get_serial_sequence(''product'', ''id'')) FROM pg_sequence JOIN pg_class ON oid = seqrelid
        WHERE relnamespace = current_schema()::regnamespace'),
    ('constraints', 'SELECT concat_ws('' '', conrelid::regclass, contypid::regtype, conname, convalidated, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = current_schema()::regnamespace'),
    ('indexes', 'SELECT concat_ws('' '', pg_get_indexdef(indexrelid), indisvalid, indisclustered) FROM pg_index
        JOIN pg_class ON oid = indexrelid WHERE relnamespace = current_schema()::regnamespace'),
    ('triggers', 'SELECT concat_ws('' '', tgrelid::regclass, tgtype, tgenabled,
        CASE WHEN NOT tgisinternal THEN pg_get_triggerdef(t.oid) END) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid
        WHERE relnamespace = current_schema()::regnamespace'),
    ('rules', 'SELECT concat_ws('' '', ev_class::regclass, rulename, ev_enabled, pg_get_ruledef(r.oid)) FROM pg_rewrite r
        JOIN pg_class c ON c.oid = ev_class WHERE relnamespace = current_schema()::regnamespace'),
    ('functions', 'SELECT concat_ws('' '', oid::regprocedure, prokind, prosrc, proacl) FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace'),
    ('types', 'SELECT concat_ws('' '', oid::regtype, typtype, typacl) FROM pg_type
        WHERE typnamespace = current_schema()::regnamespace'),
    ('policies', 'SELECT concat_ws('' '', polname, polrelid::regclass) FROM pg_policy JOIN pg_class c ON c.oid = polrelid
        WHERE relnamespace = current_schema()::regnamespace'),
    ('statistics', 'SELECT stxname FROM pg_statistic_ext WHERE stxnamespace = current_schema()::regnamespace'),
    ('collations', 'SELECT collname FROM pg_collation WHERE collnamespace = current_schema()::regnamespace'),
    ('descriptions', 'SELECT concat_ws('' '', objoid::regclass, description) FROM pg_description JOIN pg_class c ON c.oid = objoid
        WHERE classoid = ''pg_class''::regclass AND relnamespace = current_schema()::regnamespace')";

/// The queries for a session.
const SESSION_QUERIES: [(&str, &str); 7] = [
    (
        "settings",
        "SELECT concat(name, '=', setting) FROM pg_settings WHERE name NOT LIKE 'plpgsql.%' AND name <> 'application_name'",
    ),
    // A custom setting that was set and reset in a session is empty instead of undefined; see `Tenants`.
    ("a setting of its own", "SELECT coalesce(current_setting('app.tenant', true), '')"),
    ("who", "SELECT concat(current_user, session_user, current_schemas(true))"),
    ("channels", "SELECT pg_listening_channels()"),
    ("cursors", "SELECT name FROM pg_cursors WHERE is_holdable"),
    ("prepared", "SELECT name FROM pg_prepared_statements WHERE from_sql"),
    (
        "locks",
        "SELECT concat(classid, ' ', objid) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
];

/// Further queries for a whole database.
const FURTHER_DATABASE_QUERIES: [(&str, &str); 6] = [
    (
        "descriptions",
        "SELECT d::text FROM pg_description d WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass",
    ),
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
    (
        "the database",
        "SELECT concat(datdba, datconnlimit, datistemplate, datacl, shobj_description(oid, 'pg_database')) FROM pg_database
         WHERE datname = current_database()",
    ),
];

async fn queries(connection: &mut PgConnection, extent: Extent) -> Result<Vec<(String, String)>> {
    let (list, others) = match extent {
        Extent::Database => (DATABASE_QUERIES, FURTHER_DATABASE_QUERIES.as_slice()),
        Extent::Schema => (SCHEMA_QUERIES, [].as_slice()),
    };
    let listed: Vec<(String, String)> = sqlx::query_as(list).fetch_all(connection).await?;
    let others = SESSION_QUERIES.iter().chain(others).map(|(title, query)| ((*title).to_owned(), (*query).to_owned()));
    let all = listed.into_iter().chain(others);
    Ok(match extent {
        Extent::Database => all.collect(),
        // The name of the schema is removed, because it differs each time.
        Extent::Schema => all.map(|(title, query)| (title, without_schema_name(&query))).collect(),
    })
}

fn without_schema_name(query: &str) -> String {
    format!("SELECT replace(l::text, current_schema(), 'the schema') FROM ({query}) q (l)")
}

/// Takes a snapshot on a connection of the pool.
pub(crate) async fn snapshot(pool: &PgPool, extent: Extent) -> Result<Snapshot> {
    let mut connection = pool.acquire().await?;
    let queries = queries(&mut connection, extent).await?;
    let hash = |(title, query): &(String, String)| {
        let title = title.replace('\'', "''");
        format!(
            "SELECT '{title}', md5(coalesce(string_agg(l::text, E'\\n' ORDER BY l::text), '')) FROM ({query}) q (l)"
        )
    };
    let all = queries.iter().map(hash).collect::<Vec<_>>().join(" UNION ALL ");
    let rows: Vec<(String, String)> = sqlx::query_as(AssertSqlSafe(all)).fetch_all(&mut *connection).await?;
    Ok(rows.into_iter().collect())
}

/// The entries that differ between two snapshots, with the first lines of the current results.
pub(crate) async fn differences(
    pool: &PgPool,
    extent: Extent,
    fresh: &Snapshot,
    current: &Snapshot,
) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    if fresh == current {
        return Ok(differences);
    }
    let mut connection = pool.acquire().await?;
    for (title, query) in queries(&mut connection, extent).await? {
        if fresh.get(&title) != current.get(&title) {
            let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut *connection).await?;
            differences.push(format!("{title}: {:#?}", lines.into_iter().take(8).collect::<Vec<_>>()));
        }
    }
    differences
        .extend(fresh.keys().filter(|title| !current.contains_key(*title)).map(|title| format!("{title}: gone")));
    Ok(differences)
}
