//! Reads the contents of a template, as statements that create a copy.

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use sqlx::mysql::MySqlConnection;

use itest_runtime::Error;

use super::connection::{literal, quoted, run, text};
use super::rights::Rights;
use crate::database::failed_to;

/// A table, a view or a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Table {
    /// The quoted name.
    pub(super) name: String,
    pub(super) kind: TableKind,
    definition: String,
    /// The columns without generated ones, quoted and separated by commas.
    pub(super) columns: String,
    pub(super) has_rows: bool,
    pub(super) has_triggers: bool,
    /// Whether the table is system-versioned, so that it keeps deleted rows as history.
    pub(super) is_versioned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TableKind {
    Table,
    View,
    /// A sequence of MariaDB: a table of one row. Inserting a row replaces it.
    Sequence,
}

/// A trigger, a routine or an event, with the session settings that it was created with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Code {
    settings: String,
    definition: String,
}

/// The contents of a template.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Inventory {
    pub(super) template: String,
    /// The text after the name in `CREATE DATABASE`: character set, collation, comment, encryption.
    pub(super) properties: String,
    /// The rights of users and roles in the template.
    pub(super) rights: Rights,
    pub(super) tables: Vec<Table>,
    pub(super) has_routines: bool,
    routines: Vec<Code>,
    triggers: Vec<Code>,
    events: Vec<Code>,
}

impl Inventory {
    /// Reads the inventory of a template.
    pub(super) async fn of(connection: &mut MySqlConnection, template: &str) -> Result<Self, Error> {
        Self::read(connection, template).await.map_err(|error| failed_to("read the template database", &error))
    }

    async fn read(connection: &mut MySqlConnection, template: &str) -> Result<Self, sqlx::Error> {
        let (database, listed) = (quoted(template), literal(template));
        let mut tables = Vec::new();
        for row in fetch(connection, &format!("SHOW FULL TABLES FROM {database}")).await? {
            let (plain, kind) = (text(&row, 0)?, text(&row, 1)?);
            let kind = match kind.as_str() {
                "VIEW" => TableKind::View,
                "SEQUENCE" => TableKind::Sequence,
                _ => TableKind::Table,
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
            let has_rows = kind != TableKind::View
                && !fetch(connection, &format!("SELECT 1 FROM {full} LIMIT 1")).await?.is_empty();
            // A view qualifies every name with its database.
            let definition = definition.replace(&format!("{database}."), "");
            let is_versioned = definition.to_uppercase().contains("WITH SYSTEM VERSIONING");
            tables.push(Table { name, kind, definition, columns, has_rows, has_triggers: triggers > 0, is_versioned });
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

    /// Creates a copy in the current database of the connection, whose name is `name`.
    pub(super) async fn copy(&self, connection: &mut MySqlConnection, name: &str) -> Result<(), Error> {
        let action = "copy the template database";
        let mut script = "SET foreign_key_checks = 0, unique_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO'".to_owned();
        // The sequences come first, because defaults of tables may use them.
        let (sequences, others): (Vec<&Table>, Vec<&Table>) = self
            .tables
            .iter()
            .filter(|table| table.kind != TableKind::View)
            .partition(|table| table.kind == TableKind::Sequence);
        for table in sequences.into_iter().chain(others) {
            script.push_str("; ");
            script.push_str(&table.definition);
        }
        for table in self.tables.iter().filter(|table| table.has_rows) {
            script.push_str("; ");
            script.push_str(&self.fill(table, ""));
        }
        run(connection, action, script).await?;
        // Routines come before views, because views may call functions. A function may name a view that does not exist yet.
        copy_code(&self.routines, connection).await?;
        run(connection, action, "SET sql_mode = ''").await?;
        // A view may depend on a later one, so failed views are tried again as long as one of them succeeds.
        let mut views: Vec<&Table> = self.tables.iter().filter(|table| table.kind == TableKind::View).collect();
        while !views.is_empty() {
            let mut failed = Vec::new();
            let mut error = None;
            for view in &views {
                if let Err(failure) = run(connection, action, view.definition.as_str()).await {
                    failed.push(*view);
                    error = Some(failure);
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
            Some(script) => run(connection, "grant the rights of the template database on a copy", script).await,
            None => Ok(()),
        }
    }

    /// The statement that copies the template's rows into a table. `database` is empty or ends with a dot.
    pub(super) fn fill(&self, table: &Table, database: &str) -> String {
        let Table { name, columns, .. } = table;
        format!("INSERT INTO {database}{name} ({columns}) SELECT {columns} FROM {}.{name}", self.template)
    }
}

impl TableKind {
    pub(super) fn keyword(self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::Sequence => "SEQUENCE",
        }
    }
}

/// Creates copies of routines, triggers or events.
async fn copy_code(code: &[Code], connection: &mut MySqlConnection) -> Result<(), Error> {
    let action = "copy the template database";
    for Code { settings, definition } in code {
        run(connection, action, format!("SET {settings}")).await?;
        run(connection, action, definition.as_str()).await?;
    }
    Ok(())
}

/// Reads the routines, triggers or events whose kinds and names a query returns.
async fn code(connection: &mut MySqlConnection, template: &str, names: &str) -> Result<Vec<Code>, sqlx::Error> {
    let database = quoted(template);
    let mut code = Vec::new();
    for row in fetch(connection, names).await? {
        let (kind, name) = (text(&row, 0)?, text(&row, 1)?);
        let shown = fetch(connection, &format!("SHOW CREATE {kind} {database}.{}", quoted(&name))).await?;
        let Some(row) = shown.first() else { continue };
        let mut settings = format!("sql_mode = {}", literal(&text(row, 1)?));
        // An event also has a time zone.
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
