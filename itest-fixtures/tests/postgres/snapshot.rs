//! Everything that a test can see of a database: rows, sequences, schema, large objects, settings, sessions.

use std::collections::BTreeMap;

use itest::Result;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

/// What of a database is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All of it, by its numbers: those of clones are the same.
    Database,
    /// The first schema of the path and the session, by names: nothing else is private.
    Schema,
}

/// What was seen, by what it is: a hash.
pub(crate) type Snapshot = BTreeMap<String, String>;

/// What there is to ask, and how.
const OF_A_DATABASE: &str = "
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

/// What there is to ask about one schema; times, and what a definition is called inside of the server, are others each time.
const OF_A_SCHEMA: &str = "
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

/// What is asked of every session.
const OF_A_SESSION: [(&str, &str); 7] = [
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
    (
        "locks",
        "SELECT concat(classid, ' ', objid) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
];

/// What is asked of every database.
const OF_EVERY_DATABASE: [(&str, &str); 6] = [
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

async fn questions(connection: &mut PgConnection, sight: Sight) -> Result<Vec<(String, String)>> {
    let (found, others) = match sight {
        Sight::Database => (OF_A_DATABASE, OF_EVERY_DATABASE.as_slice()),
        Sight::Schema => (OF_A_SCHEMA, [].as_slice()),
    };
    let found: Vec<(String, String)> = sqlx::query_as(found).fetch_all(connection).await?;
    let others = OF_A_SESSION.iter().chain(others).map(|(what, question)| ((*what).to_owned(), (*question).to_owned()));
    let asked = found.into_iter().chain(others);
    Ok(match sight {
        Sight::Database => asked.collect(),
        // The name of a schema of its own is another one each time.
        Sight::Schema => asked.map(|(what, question)| (what, without_its_name(&question))).collect(),
    })
}

fn without_its_name(question: &str) -> String {
    format!("SELECT replace(l::text, current_schema(), 'the schema') FROM ({question}) q (l)")
}

/// Looks through a connection of the pool.
pub(crate) async fn snapshot(pool: &PgPool, sight: Sight) -> Result<Snapshot> {
    let mut connection = pool.acquire().await?;
    let asked = questions(&mut connection, sight).await?;
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
pub(crate) async fn differences(pool: &PgPool, sight: Sight, fresh: &Snapshot, seen: &Snapshot) -> Result<Vec<String>> {
    let mut told = Vec::new();
    if fresh == seen {
        return Ok(told);
    }
    let mut connection = pool.acquire().await?;
    for (what, question) in questions(&mut connection, sight).await? {
        if fresh.get(&what) != seen.get(&what) {
            let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(question)).fetch_all(&mut *connection).await?;
            told.push(format!("{what}: {:#?}", lines.into_iter().take(8).collect::<Vec<_>>()));
        }
    }
    told.extend(fresh.keys().filter(|what| !seen.contains_key(*what)).map(|what| format!("{what}: gone")));
    Ok(told)
}
