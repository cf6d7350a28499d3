//! Rights in a database that users and roles were granted. They stand in the server's own tables: a copy of the database has none of them,
//! and they outlive it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::mysql::{MySqlConnection, MySqlRow};

use super::connection::{literal, quoted, run, text};

/// A question without an answer, for a user who may not read the server's tables of rights and so cannot grant rights either.
pub(super) const NOTHING: &str = "SELECT '' FROM (SELECT 1) AS nothing WHERE false";

/// What grants the rights in a database: statements, in their parts before and after the database's name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Rights {
    grants: Vec<(String, String)>,
}

impl Rights {
    /// The rights in a template.
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

    /// The statements that grant the same rights in another database; none if there are none.
    pub(super) fn script(&self, database: &str) -> Option<String> {
        let name = quoted(database);
        let grants: Vec<String> = self.grants.iter().map(|(before, after)| format!("{before}{name}{after}")).collect();
        (!grants.is_empty()).then(|| grants.join("; "))
    }

    /// What shows the rights in a database. Where the template has none, all of them are new, and the names of their holders will do.
    pub(super) async fn question(&self, connection: &mut MySqlConnection, database: &str) -> String {
        if !self.grants.is_empty() {
            return all_rights(database);
        }
        let question = holders_question(database);
        let may_read = sqlx::raw_sql(AssertSqlSafe(question.as_str())).fetch_all(connection).await.is_ok();
        if may_read { question } else { NOTHING.to_owned() }
    }
}

/// Takes the rights in a database back from their holders, as far as this user may.
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
    /// As `GRANT` takes it.
    name: String,
    /// The database, quoted; some grants escape what would be a wildcard in it.
    database: String,
    object: Object,
}

/// What the rights are for.
#[derive(Debug)]
enum Object {
    Database,
    /// With its keyword.
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
    let rows = sqlx::raw_sql(AssertSqlSafe(holders_question(database))).fetch_all(connection).await?;
    rows.iter().map(holder).collect()
}

fn holder(row: &MySqlRow) -> Result<Holder, sqlx::Error> {
    let (user, host, kind) = (text(row, 0)?, text(row, 1)?, text(row, 3)?);
    // A role of MariaDB's has no host.
    let name = if host.is_empty() { quoted(&user) } else { format!("{}@{}", quoted(&user), quoted(&host)) };
    let object = if kind.is_empty() { Object::Database } else { Object::Part(kind, text(row, 4)?) };
    Ok(Holder { name, database: quoted(&text(row, 2)?), object })
}

/// Who has rights in the database, and on what.
fn holders_question(database: &str) -> String {
    let of = |kind: &str, name: &str, table: &str| {
        let columns = ["user", "host", "db", kind, name].map(|column| format!("convert({column} USING utf8mb4)"));
        let listed = literal(database);
        format!("SELECT {} FROM mysql.{table} WHERE replace(db, '\\\\', '') = {listed}", columns.join(", "))
    };
    [of("''", "''", "db"), of("'TABLE'", "table_name", "tables_priv"), of("routine_type", "routine_name", "procs_priv")]
        .join(" UNION ALL ")
}

/// The rights themselves.
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

/// The database's name as grants have it: as it is, or with what would be a wildcard escaped.
fn names_of(database: &str) -> [String; 2] {
    [quoted(database), quoted(&database.replace('_', "\\_"))]
}
