//! The properties of a database itself (its owner, settings, rights, comment) are the same in every clone, and a test's change of them does
//! not reach another test.

use itest::postgres::{Cloned, InTransaction, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, PgPool};

/// Migrations that change all properties that `CREATE DATABASE … TEMPLATE` does not copy.
struct Properties;

impl Schema for Properties {
    fn migrator() -> &'static Migrator {
        static PROPERTIES: Migrator = sqlx::migrate!("tests/postgres/properties");
        &PROPERTIES
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        // The seed finds the table by the search path of the database, because seeds run in new sessions.
        sqlx::query("INSERT INTO word (text) VALUES ('apple')").execute(pool).await?;
        Ok(())
    }
}

async fn check_properties_of_the_template(pool: &PgPool) -> Result<()> {
    let mut settings: Vec<String> = sqlx::query_scalar(
        "SELECT concat(CASE WHEN setrole <> 0 THEN 'own ' END, setting) FROM pg_db_role_setting, unnest(setconfig) AS setting
         WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1",
    )
    .fetch_all(pool)
    .await?;
    settings.sort();
    assert_eq!(
        settings,
        [
            r#"app.tenant=it's "one", or two\"#,
            "default_transaction_read_only=off",
            "own statement_timeout=59s",
            r#"search_path="$user", app, public, "o'dd ""name, one""""#,
            r#"temp_tablespaces="""#,
            "work_mem=7MB",
        ]
    );
    let itself: (String, i32, bool, String) = sqlx::query_as(
        "SELECT pg_get_userbyid(datdba)::text, datconnlimit, datistemplate, shobj_description(oid, 'pg_database')
         FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(pool)
    .await?;
    assert_eq!(itself, ("pg_signal_backend".to_owned(), 77, true, r#"it's of the "app" \"#.to_owned()));
    let rights: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', pg_get_userbyid(grantor), CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END,
                          privilege_type, is_grantable)
         FROM pg_database, aclexplode(datacl) WHERE datname = current_database() ORDER BY 1",
    )
    .fetch_all(pool)
    .await?;
    assert_eq!(
        rights,
        [
            "pg_monitor pg_read_all_stats TEMPORARY f",
            "pg_signal_backend PUBLIC CONNECT f",
            "pg_signal_backend pg_monitor TEMPORARY t",
            "pg_signal_backend pg_signal_backend CONNECT f",
            "pg_signal_backend pg_signal_backend CREATE f",
            "pg_signal_backend pg_signal_backend TEMPORARY f",
        ]
    );
    let defaults: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_default_acl").fetch_one(pool).await?;
    assert_eq!(defaults, 1);
    // The search path of the database is needed to find the table.
    let words: Vec<String> = sqlx::query_scalar("SELECT text FROM word").fetch_all(pool).await?;
    assert_eq!(words, ["apple"]);
    Ok(())
}

/// Each case checks that the changes of an earlier case are gone.
#[integration_test]
#[case::nothing("")]
#[case::setting("ALTER DATABASE %1$I SET work_mem = '9MB'")]
#[case::no_settings("ALTER DATABASE %1$I RESET ALL")]
#[case::setting_of_a_role("ALTER ROLE %2$I IN DATABASE %1$I SET work_mem = '9MB'")]
#[case::owner("ALTER DATABASE %1$I OWNER TO %2$I")]
#[case::limit("ALTER DATABASE %1$I CONNECTION LIMIT 5")]
#[case::template("ALTER DATABASE %1$I IS_TEMPLATE false")]
#[case::grant("GRANT CREATE ON DATABASE %1$I TO pg_monitor")]
#[case::revoke("REVOKE CONNECT ON DATABASE %1$I FROM PUBLIC")]
#[case::comment("COMMENT ON DATABASE %1$I IS 'mine'")]
#[case::default_privileges("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")]
async fn recycled_database_has_the_properties_of_its_template(
    #[case] sql: &str,
    db: &Postgres<Recycled<Properties>>,
) -> Result<()> {
    check_properties_of_the_template(&db.pool()).await?;
    let sql = format!("DO $do$ BEGIN EXECUTE format($${sql}$$, current_database(), current_user); END $do$");
    if !sql.contains("$$$$") {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&db.pool()).await?;
    }
    Ok(())
}

#[integration_test]
async fn clone_has_the_properties_of_its_template(
    #[values(1, 2)] _again: u32,
    db: &Postgres<Cloned<Properties>>,
) -> Result<()> {
    check_properties_of_the_template(&db.pool()).await
}

#[integration_test]
async fn transaction_isolation_keeps_the_properties_of_the_template(
    #[values("ALTER DATABASE %I SET work_mem = '9MB'", "COMMENT ON DATABASE %I IS 'mine'")] sql: &str,
    db: &Postgres<InTransaction<Properties>>,
) -> Result<()> {
    check_properties_of_the_template(&db.pool()).await?;
    let sql = format!("DO $do$ BEGIN EXECUTE format($${sql}$$, current_database()); END $do$");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&db.pool()).await?;
    Ok(())
}

/// A schema with a setting under which the server does not count the written rows.
struct Uncounted;

impl Schema for Uncounted {
    fn migrator() -> &'static Migrator {
        static NONE: Migrator = Migrator::DEFAULT;
        &NONE
    }

    async fn seed(pool: &PgPool) -> Result<()> {
        let setting = "CREATE TABLE word (text text);
                       DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET track_counts = off', current_database()); END $$";
        sqlx::raw_sql(setting).execute(pool).await?;
        Ok(())
    }
}

#[integration_test]
async fn database_whose_settings_hide_writes_is_not_recycled(
    #[values(1, 2, 3)] _again: u32,
    db: &Postgres<Recycled<Uncounted>>,
) -> Result<()> {
    let words: i64 = sqlx::query_scalar("SELECT count(*) FROM word").fetch_one(&db.pool()).await?;
    assert_eq!(words, 0);
    sqlx::query("INSERT INTO word VALUES ('left')").execute(&db.pool()).await?;
    Ok(())
}
