//! Whether PostgreSQL finds the rows of a statement by an index, or reads whole tables.

use std::fmt;

use serde::Deserialize;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use itest_runtime::Error;

use super::Postgres;
use crate::database::OrFailedTo;

/// The name of the prepared statement whose plan is shown. Its connection is closed afterwards.
const STATEMENT: &str = "itest_plan";

impl<S> Postgres<S> {
    /// Checks that the server can find the rows of a statement by indexes alone. The statement is planned and not run. Its parameters are
    /// written as `$1`, as in [`sqlx::query()`].
    ///
    /// The tables of a test are small, and PostgreSQL reads a small table as a whole even if an index exists. The plan is therefore made with
    /// `enable_seqscan = off`, with which PostgreSQL reads a whole table only if no index fits the condition.
    ///
    /// # Errors
    ///
    /// When the plan reads a whole table, with the name of the table and the condition. When the server does not accept the statement.
    ///
    /// # Examples
    ///
    /// ```
    /// # use itest_fixtures::postgres::{Postgres, Schema};
    /// # use itest_runtime::Error;
    /// async fn orders_are_found_by_their_customer<S: Schema>(db: &Postgres<S>) -> Result<(), Error> {
    ///     db.assert_uses_index("SELECT id FROM orders WHERE customer = $1").await
    /// }
    /// ```
    pub async fn assert_uses_index(&self, statement: &str) -> Result<(), Error> {
        let mut connection = PgConnection::connect(self.url()).await.or_failed_to("connect for a plan")?;
        let plan = plan_of(&mut connection, statement).await;
        // The test's database is used again only if all its sessions have ended.
        connection.close().await.or_failed_to("close the connection for a plan")?;
        let plan = plan.or_failed_to(&format!("plan the statement `{statement}`"))?;
        let mut reads = Vec::new();
        plan.add_reads_of_whole_tables(&mut reads);
        if reads.is_empty() {
            return Ok(());
        }
        let reads: Vec<_> = reads.iter().map(ToString::to_string).collect();
        Err(Error::new(format!("the statement `{statement}` reads {}; no index fits", reads.join(", and "))))
    }

    /// Checks each of these statements, which passed a proxy, as [`assert_uses_index`](Self::assert_uses_index) does. A statement that was sent
    /// several times is planned once, and one that failed is left out.
    ///
    /// # Errors
    ///
    /// Those of [`assert_uses_index`](Self::assert_uses_index), for the first such statement.
    #[cfg(feature = "proxy")]
    pub async fn assert_each_uses_index(&self, statements: &crate::Statements) -> Result<(), Error> {
        let succeeded = statements.iter().filter(|statement| statement.error().is_none());
        for statement in succeeded.map(crate::SentStatement::sql).collect::<std::collections::BTreeSet<_>>() {
            self.assert_uses_index(statement).await?;
        }
        Ok(())
    }
}

/// The plan of a statement, in which whole tables are read only where no index fits.
async fn plan_of(connection: &mut PgConnection, statement: &str) -> Result<Plan, sqlx::Error> {
    let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    let prepare = format!("{settings}; PREPARE {STATEMENT} AS {statement}");
    sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *connection).await?;
    let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = $1";
    let parameters: i32 = sqlx::query_scalar(count).bind(STATEMENT).fetch_one(&mut *connection).await?;
    let values = match usize::try_from(parameters) {
        Ok(number @ 1..) => format!("({})", vec!["NULL"; number].join(", ")),
        _ => String::new(),
    };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {STATEMENT}{values}");
    let row = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(connection).await?;
    let [Explained { plan }] =
        serde_json::from_str(row.try_get_unchecked(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(plan)
}

#[derive(Debug, Deserialize)]
struct Explained {
    #[serde(rename = "Plan")]
    plan: Plan,
}

/// A step of a plan, with the steps whose rows it uses.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Plan {
    #[serde(rename = "Node Type")]
    node_type: String,
    #[serde(rename = "Relation Name")]
    table: Option<String>,
    #[serde(rename = "Index Cond")]
    index_condition: Option<String>,
    filter: Option<String>,
    #[serde(default)]
    plans: Vec<Plan>,
}

/// A whole table that a plan reads.
#[derive(Debug, PartialEq, Eq)]
struct WholeTable<'a> {
    name: &'a str,
    condition: Option<&'a str>,
}

impl Plan {
    fn add_reads_of_whole_tables<'a>(&'a self, reads: &mut Vec<WholeTable<'a>>) {
        let reads_whole_table = match self.node_type.as_str() {
            "Seq Scan" => true,
            // Without a condition, the server reads the whole index.
            "Index Scan" | "Index Only Scan" => self.index_condition.is_none(),
            _ => false,
        };
        if let Some(name) = self.table.as_deref().filter(|_| reads_whole_table) {
            reads.push(WholeTable { name, condition: self.filter.as_deref() });
        }
        for plan in &self.plans {
            plan.add_reads_of_whole_tables(reads);
        }
    }
}

impl fmt::Display for WholeTable<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the whole table {}", self.name)?;
        self.condition.map_or(Ok(()), |condition| write!(formatter, " for the condition {condition}"))
    }
}
