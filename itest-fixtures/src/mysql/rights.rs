//! Copies the rights that users and roles have in a database. The server keeps them in its own tables, so a copy of the database does not
//! have them, and dropping the database does not remove them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::connection::{literal, quoted, run, text};

/// A query with an empty result, for a user who may not read the server's tables of rights. Such a user cannot grant rights either.
pub(super) const EMPTY_QUERY: &str = "SELECT '' FROM (SELECT 1) AS nothing WHERE false";

/// The statements that grant the rights in a database, in two parts: before and after the database's name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Rights {
    grants: Vec<(String, String)>,
}

impl Rights {
    /// Reads the rights in a template.
    pub(super) async fn of(connection: &mut MySqlConnection, template: &str) -> Result<Self, sqlx::Error> {
        let Ok(holders) = holders(connection, template).await else { return Ok(Self::default()) };
        let holders: BTreeSet<String> = holders.into_iter().map(|holder| holder.name).collect();
        let mut grants = Vec::new();
        for holder in holders {
            let shown = format!("SHOW GRANTS FOR {holder}");
            for row in sqlx::raw_sql(AssertSqlSafe(shown)).fetch_all(&mut *connection).await? {
                let grant = text(&row, 0)?;
                let parts = names_of(template).iter().find_map(|name| {
                    let (before, after) = grant.split_once(&format!(" {name}."))?;
                    Some((format!("{before} "), format!(".{after}")))
                });
                grants.extend(parts);
            }
        }
        Ok(Self { grants })
    }

    /// The statements that grant the same rights in another database, or `None` if there are no rights.
    pub(super) fn script(&self, database: &str) -> Option<String> {
        let name = quoted(database);
        let grants: Vec<String> = self.grants.iter().map(|(before, after)| format!("{before}{name}{after}")).collect();
        (!grants.is_empty()).then(|| grants.join("; "))
    }

    /// The query of the rights in a database. If the template has no rights, any right is new, so the query returns only the users and
    /// roles that have rights.
    pub(super) async fn query(&self, connection: &mut MySqlConnection, database: &str) -> String {
        if !self.grants.is_empty() {
            return all_rights(database);
        }
        let query = holders_query(database);
        let may_read = sqlx::raw_sql(AssertSqlSafe(query.as_str())).fetch_all(connection).await.is_ok();
        if may_read { query } else { EMPTY_QUERY.to_owned() }
    }
}

/// Revokes the rights in a database, if this user is allowed to.
pub(super) async fn revoke_all(connection: &mut MySqlConnection, database: &str) {
    for Holder { name, database, object } in holders(connection, database).await.unwrap_or_default() {
        for rights in ["ALL PRIVILEGES", "GRANT OPTION"] {
            let revoke = format!("REVOKE {rights} ON {} FROM {name}", object.on(&database));
            let _ = run(connection, "revoke the rights in a database", revoke).await;
        }
    }
}

/// A user or a role with rights.
#[derive(Debug)]
struct Holder {
    /// The name in the syntax of `GRANT`.
    name: String,
    /// The quoted name of the database. In some grants its wildcard characters are escaped.
    database: String,
    object: Object,
}

/// The object that the rights refer to.
#[derive(Debug)]
enum Object {
    Database,
    /// A table or a routine: its keyword and its name.
    Part(String, String),
}

impl Object {
    fn on(&self, database: &str) -> String {
        match self {
            Self::Database => format!("{database}.*"),
            Self::Part(kind, name) => format!("{kind} {database}.{}", quoted(name)),
        }
    }
}

async fn holders(connection: &mut MySqlConnection, database: &str) -> Result<Vec<Holder>, sqlx::Error> {
    let rows = sqlx::raw_sql(AssertSqlSafe(holders_query(database))).fetch_all(connection).await?;
    rows.iter().map(holder).collect()
}

fn holder(row: &MySqlRow) -> Result<Holder, sqlx::Error> {
    let (user, host, kind) = (text(row, 0)?, text(row, 1)?, text(row, 3)?);
    // A role of MariaDB has no host.
    let name = if host.is_empty() { quoted(&user) } else { format!("{}@{}", quoted(&user), quoted(&host)) };
    let object = if kind.is_empty() { Object::Database } else { Object::Part(kind, text(row, 4)?) };
    Ok(Holder { name, database: quoted(&text(row, 2)?), object })
}

/// The query of the users and roles that have rights in the database, and of the objects.
fn holders_query(database: &str) -> String {
    let of = |kind: &str, name: &str, table: &str| {
        let columns = ["user", "host", "db", kind, name].map(|column| format!("convert({column} USING utf8mb4)"));
        let listed = literal(database);
        format!("SELECT {} FROM mysql.{table} WHERE replace(db, '\\\\', '') = {listed}", columns.join(", "))
    };
    [of("''", "''", "db"), of("'TABLE'", "table_name", "tables_priv"), of("routine_type", "routine_name", "procs_priv")]
        .join(" UNION ALL ")
}

/// The query of the rights themselves.
fn all_rights(database: &str) -> String {
    let listed = literal(database);
    let of = |columns: &str, table: &str| {
        format!(
            "SELECT concat_ws(' ', {columns}) AS entry FROM information_schema.{table}
             WHERE replace(table_schema, '\\\\', '') = {listed}"
        )
    };
    let all = [
        of("grantee, privilege_type, is_grantable", "schema_privileges"),
        of("grantee, table_name, privilege_type, is_grantable", "table_privileges"),
        of("grantee, table_name, column_name, privilege_type", "column_privileges"),
        format!(
            "SELECT concat_ws(' ', convert(user USING utf8mb4), convert(host USING utf8mb4), convert(routine_name USING utf8mb4),
                              convert(proc_priv USING utf8mb4)) FROM mysql.procs_priv WHERE replace(db, '\\\\', '') = {listed}"
        ),
    ];
    format!("SELECT entry FROM ({}) AS rights ORDER BY entry", all.join(" UNION ALL "))
}

/// The quoted name of the database as it appears in grants: unchanged, or with its wildcard characters escaped.
fn names_of(database: &str) -> [String; 2] {
    [quoted(database), quoted(&database.replace('_', "\\_"))]
}
