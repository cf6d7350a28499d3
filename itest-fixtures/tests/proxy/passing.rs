//! What passes a proxy without a fault, and what the proxy sees of it.

use itest::Phase;
use itest::prelude::*;
use sqlx::{Connection, MySqlConnection, PgConnection};

use crate::{Db, MysqlDb, Pool};

#[integration_test]
async fn statements_are_seen_with_their_rows_and_errors(pool: &Pool, proxy: &Proxy) -> Result<()> {
    #[arrange]
    let mut transaction = pool.0.begin().await?;
    #[act]
    sqlx::query("UPDATE account SET balance = balance + $1").bind(7).execute(&mut *transaction).await?;
    let all = sqlx::query("SELECT id FROM account").fetch_all(&mut *transaction).await?;
    let failed = sqlx::query("INSERT INTO account VALUES (1, 0)").execute(&mut *transaction).await;
    transaction.rollback().await?;
    let unknown = sqlx::query("SELEC 1").execute(&pool.0).await;
    #[assert]
    assert!(all.len() == 2 && failed.is_err() && unknown.is_err());
    let seen = proxy.statements();
    let seen: Vec<_> = seen
        .iter()
        .map(|statement| {
            let result = statement.rows().map(|rows| rows.to_string());
            format!(
                "{}: {} {}",
                statement.phase(),
                statement.sql(),
                result.as_deref().or(statement.error()).unwrap_or("")
            )
        })
        .collect();
    let expected = [
        "arrange: BEGIN 0",
        "act: UPDATE account SET balance = balance + $1 2",
        "act: SELECT id FROM account 2",
        "act: INSERT INTO account VALUES (1, 0) 23505",
        "act: ROLLBACK 0",
        "act: SELEC 1 42601",
    ];
    // sqlx asks for settings of the session when it connects.
    let of_the_test: Vec<_> =
        seen.iter().filter(|statement| !statement.contains("SET ") || statement.contains("account")).collect();
    assert_eq!(of_the_test, expected.iter().collect::<Vec<_>>(), "{seen:#?}");
    Ok(())
}

#[integration_test]
async fn query_in_a_loop_is_repeated(pool: &Pool, proxy: &Proxy) -> Result<()> {
    #[act]
    for id in [1, 2, 1, 2] {
        sqlx::query("SELECT balance FROM account WHERE id = $1").bind(id).fetch_one(&pool.0).await?;
    }
    #[assert]
    let selects = proxy.statements().during(Phase::Act).beginning_with(&["SELECT"]);
    selects.assert_at_most(4);
    selects.assert_none_repeated_more_than(4);
    let repeated = selects.repeated_more_than(3);
    assert_eq!(repeated.iter().map(|statement| statement.times).collect::<Vec<_>>(), [4]);
    Ok(())
}

/// More than fits into any buffer, in both directions.
#[integration_test]
async fn large_values_pass_unchanged(pool: &Pool) -> Result<()> {
    #[arrange]
    let large: String =
        (0..3_000_000_u32).map(|number| char::from(b'a' + u8::try_from(number % 23).unwrap_or(0))).collect();
    #[act]
    let returned: String = sqlx::query_scalar("SELECT $1 || 'z'").bind(&large).fetch_one(&pool.0).await?;
    let rows: Vec<i32> = sqlx::query_scalar("SELECT generate_series(1, 100000)").fetch_all(&pool.0).await?;
    #[assert]
    assert!(returned.len() == large.len() + 1 && returned.starts_with(&large));
    assert_eq!(rows.iter().map(|row| i64::from(*row)).sum::<i64>(), 5_000_050_000);
    Ok(())
}

#[integration_test]
async fn copied_rows_pass_in_both_directions(pool: &Pool, proxy: &Proxy) -> Result<()> {
    #[arrange]
    let mut connection = pool.0.acquire().await?;
    #[act]
    let mut copy = connection.copy_in_raw("COPY account FROM STDIN").await?;
    copy.send((10..5010).map(|id| format!("{id}\t1")).collect::<Vec<_>>().join("\n").into_bytes()).await?;
    let copied = copy.finish().await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(&mut *connection).await?;
    #[assert]
    assert_eq!((copied, count), (5000, 5002));
    assert!(proxy.statements().iter().any(|sent| sent.sql() == "COPY account FROM STDIN" && sent.rows() == Some(5000)));
    Ok(())
}

#[integration_test]
async fn many_connections_pass_at_once(db: &Db, proxy: &Proxy) -> Result<()> {
    let url = db.through(proxy)?;
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let url = url.clone();
            tokio::spawn(async move {
                let mut connection = PgConnection::connect(&url).await?;
                let answer: i32 = sqlx::query_scalar("SELECT $1 + 1").bind(number).fetch_one(&mut connection).await?;
                connection.close().await?;
                Ok::<_, sqlx::Error>(answer)
            })
        })
        .collect();
    for (task, expected) in tasks.into_iter().zip(1..) {
        assert_eq!(task.await??, expected);
    }
    Ok(())
}

#[integration_test]
async fn bytes_of_another_protocol_pass(db: &MysqlDb, proxy: &Proxy) -> Result<()> {
    let mut connection = MySqlConnection::connect(&db.through(proxy)?).await?;
    let balances: Vec<i32> =
        sqlx::query_scalar("SELECT balance FROM account ORDER BY id").fetch_all(&mut connection).await?;
    connection.close().await?;
    assert_eq!(balances, [100, 0]);
    assert!(proxy.statements().is_empty());
    Ok(())
}

#[integration_test]
async fn proxy_leads_to_one_service(
    db: &Db,
    mysql: &MysqlDb,
    proxy: &Proxy,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<()> {
    assert_eq!(db.through(proxy)?, db.through(proxy)?);
    let second = mysql.through(proxy).err().ok_or("the proxy leads to PostgreSQL")?;
    assert!(second.to_string().contains("leads to another service already"), "{second}");
    let another = Proxy::start(info, teardown)?;
    let refused = another.refuse_connections().await.err().ok_or("it leads nowhere")?;
    assert!(refused.to_string().contains("call `Proxy::to` first"), "{refused}");
    mysql.through(&another)?;
    assert!(another.to("nonsense").is_err());
    Ok(())
}
