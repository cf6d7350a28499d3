//! What belongs to a database itself and is no part of its contents: owner, connection limit, rights, settings, comment, security labels.
//!
//! `CREATE DATABASE … TEMPLATE` copies none of it. It is read once from the template, and repeated on each clone.

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use itest_runtime::Error;

use super::connection::quoted;
use crate::database::failed_to;

/// The properties of the database `$1`, each as the two parts of a statement around the database's name, in the order in which they can
/// be repeated: rights refer to the owner. Whatever is as in a new database of this role is not among them.
///
/// A setting that is a list stands in the catalog as its identifiers. They are repeated one by one: as one text they would be one
/// element.
const PROPERTIES: &str = r#"
    WITH itself AS (SELECT * FROM pg_database WHERE datname = $1),
    rights AS (
        SELECT r.*, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS holder
        FROM itself, aclexplode(datacl) WITH ORDINALITY AS r (grantor, grantee, privilege, is_grantable, number)
    ),
    settings AS (
        SELECT setrole, number, split_part(setting, '=', 1) AS name, substr(setting, strpos(setting, '=') + 1) AS value
        FROM itself JOIN pg_db_role_setting ON setdatabase = itself.oid,
             unnest(setconfig) WITH ORDINALITY AS s (setting, number)
    )
    SELECT before, after FROM (
        SELECT 1, 0, 'ALTER DATABASE ', ' OWNER TO ' || quote_ident(pg_get_userbyid(datdba)) FROM itself
            WHERE pg_get_userbyid(datdba) <> current_user
        UNION ALL
        SELECT 2, 0, 'ALTER DATABASE ', ' CONNECTION LIMIT ' || datconnlimit FROM itself WHERE datconnlimit <> -1
        UNION ALL
        SELECT 3, 0, 'ALTER DATABASE ', ' IS_TEMPLATE true' FROM itself WHERE datistemplate
        UNION ALL
        SELECT 4, 0, 'REVOKE ALL ON DATABASE ', ' FROM PUBLIC, ' || quote_ident(pg_get_userbyid(datdba)) FROM itself
            WHERE datacl IS NOT NULL
        UNION ALL
        SELECT CASE grantor WHEN datdba THEN 5 ELSE 6 END, number,
               format('SET LOCAL ROLE %I; GRANT %s ON DATABASE ', pg_get_userbyid(grantor), privilege),
               format(' TO %s%s; RESET ROLE', holder, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
            FROM rights, itself
        UNION ALL
        SELECT CASE setrole WHEN 0 THEN 7 ELSE 8 END, number,
               CASE setrole WHEN 0 THEN 'ALTER DATABASE ' ELSE format('ALTER ROLE %I IN DATABASE ', pg_get_userbyid(setrole)) END,
               format(' SET %s = ', name) || CASE
                   WHEN name IN ('local_preload_libraries', 'search_path', 'session_preload_libraries', 'shared_preload_libraries',
                                 'temp_tablespaces', 'unix_socket_directories')
                   THEN coalesce((
                       SELECT string_agg(quote_literal(coalesce(replace(part[1], '""', '"'), lower(part[2]))), ', ')
                       FROM regexp_matches(value, '"((?:[^"]|"")*)"|([^",\s]+)', 'g') AS part), '''''')
                   ELSE quote_literal(value)
               END
            FROM settings
        UNION ALL
        SELECT 9, 0, 'COMMENT ON DATABASE ', ' IS ' || quote_literal(shobj_description(oid, 'pg_database')) FROM itself
            WHERE shobj_description(oid, 'pg_database') IS NOT NULL
        UNION ALL
        SELECT 10, 0, format('SECURITY LABEL FOR %I ON DATABASE ', provider), ' IS ' || quote_literal(label)
            FROM itself JOIN pg_shseclabel ON objoid = itself.oid AND classoid = 'pg_database'::regclass
    ) AS properties (place, number, before, after) ORDER BY place, number, before"#;

/// Settings of a database under which itest cannot see what a test did to it.
const BLINDING: [&str; 2] = ["role", "track_counts"];

/// The properties of a template that its clones must be given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Properties {
    template: String,
    statements: Vec<Statement>,
}

/// A statement, in the parts before and after the name of the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Statement {
    before: String,
    after: String,
}

impl Properties {
    /// Reads those of a database.
    pub(super) async fn of(connection: &mut PgConnection, database: &str) -> Result<Self, Error> {
        let found = sqlx::query(PROPERTIES).bind(database).fetch_all(connection).await;
        let found = found.map_err(|error| failed_to("read the properties of the template database", &error))?;
        let statements = found.iter().map(|row| Statement { before: row.get(0), after: row.get(1) });
        Ok(Self { template: database.to_owned(), statements: statements.collect() })
    }

    /// The template's name.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The statements that give a new database the same properties; none if they are those of every new database.
    pub(super) fn script(&self, database: &str) -> Option<String> {
        let name = quoted(database);
        let statements = self.statements.iter().map(|Statement { before, after }| format!("{before}{name}{after}"));
        let statements: Vec<String> = statements.collect();
        (!statements.is_empty()).then(|| statements.join("; "))
    }

    /// The setting among them, if any, under which a database cannot be recycled.
    pub(super) fn blinding_setting(&self) -> Option<&'static str> {
        let sets = |name: &str| {
            let begin = format!(" SET {name} = ");
            self.statements.iter().any(|statement| statement.after.starts_with(&begin))
        };
        BLINDING.into_iter().find(|name| sets(name))
    }
}
