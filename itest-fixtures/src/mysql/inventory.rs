//! What a template is made of, as statements that make another one.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::{literal, quoted, run, text};
use super::rights::Rights;
use crate::database::failed_to;

/// A table, or what looks like one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Table {
    /// Quoted.
    pub(super) name: String,
    pub(super) kind: Kind,
    definition: String,
    /// The columns that can be written, quoted and separated by commas.
    pub(super) columns: String,
    pub(super) has_rows: bool,
    pub(super) has_triggers: bool,
    /// Rows that are deleted are kept as history.
    pub(super) remembers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Table,
    View,
    /// MariaDB's: a table of one row, which is written over.
    Sequence,
}

/// A trigger, a routine or an event, and the settings that it was written under.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Code {
    settings: String,
    definition: String,
}

/// All of a template.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Inventory {
    pub(super) template: String,
    /// What stands behind the name in `CREATE DATABASE`: character set, collation, comment, encryption.
    pub(super) properties: String,
    /// Who may do what in it.
    pub(super) rights: Rights,
    pub(super) tables: Vec<Table>,
    pub(super) has_routines: bool,
    routines: Vec<Code>,
    triggers: Vec<Code>,
    events: Vec<Code>,
}

impl Inventory {
    /// Reads a template.
    pub(super) async fn of(connection: &mut MySqlConnection, template: &str) -> Result<Self, Error> {
        Self::read(connection, template).await.map_err(|error| failed_to("read the template database", &error))
    }

    async fn read(connection: &mut MySqlConnection, template: &str) -> Result<Self, sqlx::Error> {
        let (database, listed) = (quoted(template), literal(template));
        let mut tables = Vec::new();
        for row in fetch(connection, &format!("SHOW FULL TABLES FROM {database}")).await? {
            let (plain, kind) = (text(&row, 0)?, text(&row, 1)?);
            let kind = match kind.as_str() {
                "VIEW" => Kind::View,
                "SEQUENCE" => Kind::Sequence,
                _ => Kind::Table,
            };
            let name = quoted(&plain);
            let full = format!("{database}.{name}");
            let shown = fetch(connection, &format!("SHOW CREATE {} {full}", kind.keyword())).await?;
            let definition = shown.first().map(|row| text(row, 1)).transpose()?.unwrap_or_default();
            let columns = format!(
                "SELECT concat('`', replace(column_name, '`', '``'), '`') FROM information_schema.columns
                 WHERE table_schema = {listed} AND table_name = {} AND coalesce(generation_expression, '') = ''
                 ORDER BY ordinal_position",
                literal(&plain)
            );
            let columns = fetch(connection, &columns).await?;
            let columns: Vec<String> = columns.iter().map(|row| text(row, 0)).collect::<Result<_, _>>()?;
            let columns = columns.join(",");
            let triggers = format!(
                "SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = {listed} AND event_object_table = {}",
                literal(&plain)
            );
            let triggers: i64 = sqlx::query_scalar(AssertSqlSafe(triggers)).fetch_one(&mut *connection).await?;
            let has_rows =
                kind != Kind::View && !fetch(connection, &format!("SELECT 1 FROM {full} LIMIT 1")).await?.is_empty();
            // A view names its database in front of everything.
            let definition = definition.replace(&format!("{database}."), "");
            let remembers = definition.to_uppercase().contains("WITH SYSTEM VERSIONING");
            tables.push(Table { name, kind, definition, columns, has_rows, has_triggers: triggers > 0, remembers });
        }
        let properties = fetch(connection, &format!("SHOW CREATE DATABASE {database}")).await?;
        let properties = properties.first().map(|row| text(row, 1)).transpose()?.unwrap_or_default();
        let properties = properties.trim_start_matches("CREATE DATABASE ").trim_start_matches(&database).to_owned();
        let rights = Rights::of(connection, template).await?;
        let routines = format!(
            "SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = {listed}"
        );
        let routines = code(connection, template, &routines).await?;
        let triggers = format!(
            "SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = {listed}
             ORDER BY event_object_table, action_timing, event_manipulation, action_order"
        );
        let triggers = code(connection, template, &triggers).await?;
        let events = format!("SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = {listed}");
        let events = code(connection, template, &events).await?;
        let has_routines = !routines.is_empty();
        Ok(Self { template: database, properties, rights, tables, has_routines, routines, triggers, events })
    }

    /// Makes all of it once more, in the database of a name that the connection is in.
    pub(super) async fn copy(&self, connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
        let action = "copy the template database";
        let mut script = "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'".to_owned();
        // A table's defaults may be numbers of a sequence.
        let (sequences, others): (Vec<&Table>, Vec<&Table>) =
            self.tables.iter().filter(|table| table.kind != Kind::View).partition(|table| table.kind == Kind::Sequence);
        for table in sequences.into_iter().chain(others) {
            script.push_str("; ");
            script.push_str(&table.definition);
        }
        for table in self.tables.iter().filter(|table| table.has_rows) {
            script.push_str("; ");
            script.push_str(&self.fill(table, ""));
        }
        run(connection, action, script).await?;
        // Views may call functions, which may name what is not there yet.
        copy_code(&self.routines, connection).await?;
        run(connection, action, "SET sql_mode = ''").await?;
        // One may need another one that comes later.
        let mut views: Vec<&Table> = self.tables.iter().filter(|table| table.kind == Kind::View).collect();
        while !views.is_empty() {
            let mut failed = Vec::new();
            let mut error = None;
            for view in &views {
                if let Err(told) = run(connection, action, view.definition.as_str()).await {
                    failed.push(*view);
                    error = Some(told);
                }
            }
            match error {
                Some(error) if failed.len() == views.len() => return Err(error),
                _ => views = failed,
            }
        }
        copy_code(&self.triggers, connection).await?;
        copy_code(&self.events, connection).await?;
        match self.rights.script(name) {
            Some(script) => run(connection, "repeat on a copy what the migrations grant in the database", script).await,
            None => Ok(()),
        }
    }

    /// The statement that puts the template's rows into a table; `database` is empty, or ends with a dot.
    pub(super) fn fill(&self, table: &Table, database: &str) -> String {
        let Table { name, columns, .. } = table;
        format!("INSERT INTO {database}{name} ({columns}) SELECT {columns} FROM {}.{name}", self.template)
    }
}

impl Kind {
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::Sequence => "SEQUENCE",
        }
    }
}

/// Makes routines, triggers or events once more.
async fn copy_code(code: &[Code], connection: &mut MySqlConnection) -> Result<(), Error> {
    let action = "copy the template database";
    for Code { settings, definition } in code {
        run(connection, action, format!("SET {settings}")).await?;
        run(connection, action, definition.as_str()).await?;
    }
    Ok(())
}

/// The code whose kinds and names a statement tells.
async fn code(connection: &mut MySqlConnection, template: &str, names: &str) -> Result<Vec<Code>, sqlx::Error> {
    let database = quoted(template);
    let mut code = Vec::new();
    for row in fetch(connection, names).await? {
        let (kind, name) = (text(&row, 0)?, text(&row, 1)?);
        let shown = fetch(connection, &format!("SHOW CREATE {kind} {database}.{}", quoted(&name))).await?;
        let Some(row) = shown.first() else { continue };
        let mut settings = format!("sql_mode = {}", literal(&text(row, 1)?));
        // An event is of a time zone, too.
        let is_event = kind == "EVENT";
        if is_event {
            settings = format!("{settings}, time_zone = {}", literal(&text(row, 2)?));
        }
        let definition = text(row, if is_event { 3 } else { 2 })?.replace(&format!("{database}."), "");
        code.push(Code { settings, definition });
    }
    Ok(code)
}

async fn fetch(connection: &mut MySqlConnection, sql: &str) -> Result<Vec<sqlx::mysql::MySqlRow>, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await
}
