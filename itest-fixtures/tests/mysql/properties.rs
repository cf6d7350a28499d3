//! The properties of a database itself (its character set, its comment, and the rights in it) are the same in every copy, and a test's
//! change of them does not reach another test.
//!
//! The users and roles of these tests belong to the server, and are not removed.

use itest::mysql::{Cloned, Mysql, Recycled, Schema};
use itest::prelude::*;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, MySqlPool};

struct Properties;

impl Schema for Properties {
    fn migrator() -> &'static Migrator {
        static PROPERTIES: Migrator = sqlx::migrate!("tests/mysql/properties");
        &PROPERTIES
    }
}

async fn rights(pool: &MySqlPool) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(
        "SELECT concat_ws(' ', grantee, privilege_type, is_grantable) FROM information_schema.schema_privileges
         WHERE table_schema = database()
         UNION ALL SELECT concat_ws(' ', grantee, table_name, privilege_type, is_grantable) FROM information_schema.table_privileges
         WHERE table_schema = database()
         UNION ALL SELECT concat_ws(' ', grantee, table_name, column_name, privilege_type) FROM information_schema.column_privileges
         WHERE table_schema = database()
         UNION ALL SELECT concat_ws(' ', user, routine_name, proc_priv) FROM mysql.procs_priv WHERE db = database()
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await?)
}

async fn check_properties_of_the_template(pool: &MySqlPool) -> Result<()> {
    let itself: (String, String, String) = sqlx::query_as(
        "SELECT default_character_set_name, default_collation_name, schema_comment FROM information_schema.schemata
         WHERE schema_name = database()",
    )
    .fetch_one(pool)
    .await?;
    assert_eq!(itself, ("latin1".to_owned(), "latin1_german2_ci".to_owned(), "it's of the \"app\" \\".to_owned()));
    assert_eq!(
        rights(pool).await?,
        [
            "'itest_role'@'' INSERT NO",
            "'itest_role'@'' SELECT NO",
            "'itest_writer'@'localhost' INSERT YES",
            "'itest_writer'@'localhost' SELECT YES",
            "'itest_writer'@'localhost' word DELETE NO",
            "'itest_writer'@'localhost' word text UPDATE",
            "itest_writer forget Execute",
        ]
    );
    Ok(())
}

/// Each case checks that the changes of an earlier case are gone.
#[integration_test]
#[case::nothing("SELECT 1")]
#[case::characters("ALTER DATABASE CHARACTER SET utf8mb4")]
#[case::comment("ALTER DATABASE COMMENT 'mine'")]
#[case::grant("GRANT DELETE ON * TO itest_role")]
#[case::grant_of_a_table("GRANT SELECT ON word TO itest_role")]
#[case::revoke("REVOKE INSERT ON * FROM itest_role")]
async fn recycled_database_has_the_properties_of_its_template(
    #[case] sql: &str,
    db: &Mysql<Recycled<Properties>>,
) -> Result<()> {
    check_properties_of_the_template(&db.pool()).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&db.pool()).await?;
    Ok(())
}

#[integration_test]
async fn copy_has_the_properties_of_its_template(
    #[values(1, 2)] _again: u32,
    db: &Mysql<Cloned<Properties>>,
) -> Result<()> {
    check_properties_of_the_template(&db.pool()).await
}

/// A database in which no rights are granted.
struct Plain;

impl Schema for Plain {
    fn migrator() -> &'static Migrator {
        static NONE: Migrator = Migrator::DEFAULT;
        &NONE
    }
}

#[integration_test]
#[case::database("GRANT SELECT ON * TO itest_guest@localhost WITH GRANT OPTION")]
#[case::table(
    "CREATE TABLE word (id int); GRANT SELECT (id), DELETE ON word TO itest_guest@localhost WITH GRANT OPTION"
)]
#[case::procedure("CREATE PROCEDURE p() SELECT 1; GRANT EXECUTE ON PROCEDURE p TO itest_guest@localhost")]
async fn right_granted_by_a_test_does_not_reach_another_database(
    #[case] sql: &str,
    #[values(1, 2)] _again: u32,
    recycled: &Mysql<Recycled<Plain>>,
    cloned: &Mysql<Cloned<Plain>>,
) -> Result<()> {
    for pool in [recycled.pool(), cloned.pool()] {
        assert_eq!(rights(&pool).await?, Vec::<String>::new());
        sqlx::raw_sql("CREATE USER IF NOT EXISTS itest_guest@localhost").execute(&pool).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await?;
    }
    // Dropped databases leave no rights behind.
    let pool = recycled.pool();
    let leftover_rights = "SELECT count(*) FROM (SELECT db FROM mysql.db WHERE user = 'itest_guest'
                UNION SELECT db FROM mysql.tables_priv WHERE user = 'itest_guest'
                UNION SELECT db FROM mysql.procs_priv WHERE user = 'itest_guest') AS granted
                WHERE db NOT IN (SELECT convert(schema_name USING utf8mb3) FROM information_schema.schemata)";
    eventually(async || sqlx::query_scalar::<_, i64>(leftover_rights).fetch_one(&pool).await.ok())
        .equals(Some(0))
        .await?;
    Ok(())
}
