//! The properties of a database that are not part of its contents: owner, connection limit, rights, settings, comment, security labels.
//!
//! `CREATE DATABASE … TEMPLATE` copies none of them. They are read once from the template and applied to each clone.

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

use itest_runtime::Error;

use super::connection::quoted;
use crate::database::failed_to;

/// Lists the properties of the database `$1` that differ from a new database of this role. Each is a statement in two parts, before and
/// after the database's name. The order matters, because rights refer to the owner.
///
/// The catalog stores a setting that is a list as text with its identifiers. The identifiers are quoted one by one, because one quoted text
/// would be a list of one element.
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

/// Settings of a database that hide the changes of a test from itest.
const HIDING_SETTINGS: [&str; 2] = ["role", "track_counts"];

/// The properties of a template that its clones need too.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Properties {
    template: String,
    statements: Vec<Statement>,
}

/// A statement in two parts: before and after the name of the database.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Statement {
    before: String,
    after: String,
}

impl Properties {
    /// Reads the properties of a database.
    pub(super) async fn of(connection: &mut PgConnection, database: &str) -> Result<Self, Error> {
        let rows = sqlx::query(PROPERTIES).bind(database).fetch_all(connection).await;
        let rows = rows.map_err(|error| failed_to("read the properties of the template database", &error))?;
        let statements = rows.iter().map(|row| Statement { before: row.get(0), after: row.get(1) });
        Ok(Self { template: database.to_owned(), statements: statements.collect() })
    }

    /// The template's name.
    pub(super) fn template(&self) -> &str {
        &self.template
    }

    /// The statements that give a new database the same properties, or `None` if there is nothing to change.
    pub(super) fn script(&self, database: &str) -> Option<String> {
        let name = quoted(database);
        let statements = self.statements.iter().map(|Statement { before, after }| format!("{before}{name}{after}"));
        let statements: Vec<String> = statements.collect();
        (!statements.is_empty()).then(|| statements.join("; "))
    }

    /// A setting that prevents recycling, if the properties contain one.
    pub(super) fn setting_that_hides_changes(&self) -> Option<&'static str> {
        let sets = |name: &str| {
            let begin = format!(" SET {name} = ");
            self.statements.iter().any(|statement| statement.after.starts_with(&begin))
        };
        HIDING_SETTINGS.into_iter().find(|name| sets(name))
    }
}
