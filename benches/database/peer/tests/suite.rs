//! The same small test under libtest: 20 times, and 200 times more, with `#[sqlx::test]` and with a plain clone.

use sqlx::PgPool;

/// Writes to three tables, and reads what it wrote. `$first` and `$second` are the placeholders of the database's SQL.
macro_rules! work {
    ($pool:expr, $first:literal, $second:literal) => {{
        let (pool, name) = ($pool, "one");
        let insert = concat!("INSERT INTO t01 (name) VALUES (", $first, ")");
        sqlx::query(insert).bind(&name).execute(&pool).await?;
        let first: i64 = sqlx::query_scalar("SELECT id FROM t01").fetch_one(&pool).await?;
        let insert = concat!("INSERT INTO t02 (name, parent_id) VALUES (", $first, ", 1)");
        sqlx::query(insert).bind(&name).execute(&pool).await?;
        let insert = concat!("INSERT INTO t07 (name) VALUES (", $first, "), (", $second, ")");
        sqlx::query(insert).bind(&name).bind(format!("{name} again")).execute(&pool).await?;
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t07").fetch_one(&pool).await?;
        assert_eq!((first, count), (1, 2));
        sqlx::Result::<()>::Ok(())
    }};
}

/// Runs the test in a new clone of the driver's template, and drops the clone.
async fn in_a_clone(name: &str) -> sqlx::Result<()> {
    use sqlx::Connection as _;
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set by the driver");
    let options: sqlx::postgres::PgConnectOptions = url.parse()?;
    let mut server = sqlx::PgConnection::connect_with(&options).await?;
    let create = format!("CREATE DATABASE {name} TEMPLATE bench_template");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut server).await?;
    let pool = PgPool::connect_with(options.database(name)).await?;
    work!(pool.clone(), "$1", "$2")?;
    pool.close().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&mut server).await?;
    server.close().await
}

macro_rules! tests {
    ($module:ident: $($name:ident)+) => {
        mod $module {
            mod sqlx_test {
                $(
                    #[sqlx::test(migrations = "../postgres")]
                    async fn $name(pool: sqlx::PgPool) -> sqlx::Result<()> {
                        work!(pool, "$1", "$2")
                    }
                )+
            }
            mod mysql_sqlx_test {
                $(
                    #[sqlx::test(migrations = "../mysql")]
                    async fn $name(pool: sqlx::MySqlPool) -> sqlx::Result<()> {
                        work!(pool, "?", "?")
                    }
                )+
            }
            mod sqlite_sqlx_test {
                $(
                    #[sqlx::test(migrations = "../sqlite")]
                    async fn $name(pool: sqlx::SqlitePool) -> sqlx::Result<()> {
                        work!(pool, "$1", "$2")
                    }
                )+
            }
            mod plain_clone {
                $(
                    #[tokio::test]
                    async fn $name() -> sqlx::Result<()> {
                        crate::in_a_clone(concat!("bench_", stringify!($module), "_", stringify!($name))).await
                    }
                )+
            }
        }
    };
}

tests! { few:
    f000 f001 f002 f003 f004 f005 f006 f007 f008 f009 f010 f011 f012 f013 f014 f015
    f016 f017 f018 f019
}

tests! { more:
    m000 m001 m002 m003 m004 m005 m006 m007 m008 m009 m010 m011 m012 m013 m014 m015
    m016 m017 m018 m019 m020 m021 m022 m023 m024 m025 m026 m027 m028 m029 m030 m031
    m032 m033 m034 m035 m036 m037 m038 m039 m040 m041 m042 m043 m044 m045 m046 m047
    m048 m049 m050 m051 m052 m053 m054 m055 m056 m057 m058 m059 m060 m061 m062 m063
    m064 m065 m066 m067 m068 m069 m070 m071 m072 m073 m074 m075 m076 m077 m078 m079
    m080 m081 m082 m083 m084 m085 m086 m087 m088 m089 m090 m091 m092 m093 m094 m095
    m096 m097 m098 m099 m100 m101 m102 m103 m104 m105 m106 m107 m108 m109 m110 m111
    m112 m113 m114 m115 m116 m117 m118 m119 m120 m121 m122 m123 m124 m125 m126 m127
    m128 m129 m130 m131 m132 m133 m134 m135 m136 m137 m138 m139 m140 m141 m142 m143
    m144 m145 m146 m147 m148 m149 m150 m151 m152 m153 m154 m155 m156 m157 m158 m159
    m160 m161 m162 m163 m164 m165 m166 m167 m168 m169 m170 m171 m172 m173 m174 m175
    m176 m177 m178 m179 m180 m181 m182 m183 m184 m185 m186 m187 m188 m189 m190 m191
    m192 m193 m194 m195 m196 m197 m198 m199
}
