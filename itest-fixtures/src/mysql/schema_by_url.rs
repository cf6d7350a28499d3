//! The declaration of a MariaDB or MySQL database that the suite fills by its URL, with any client.

use sqlx_core::migrate::Migrator;

use itest_runtime::Error;

use super::isolation::Isolation;
use super::schema::Schema;
use crate::database::UrlFunctions;

/// The declaration of a suite's MariaDB or MySQL database, for suites whose migrations are not those of the sqlx that itest uses: other versions
/// of sqlx, diesel, sea-orm, refinery, or SQL that `mysql_async` sends.
///
/// A type with this trait is a [`Schema`], so `Mysql<ShopSchema>` and `Mysql<Cloned<ShopSchema>>` are fixtures. A type cannot
/// implement both traits.
///
/// # Examples
///
/// ```
/// use itest::mysql;
/// # async fn migrate_with_my_client(_url: &str) -> itest::Result<()> { Ok(()) }
///
/// struct ShopSchema;
///
/// impl mysql::SchemaByUrl for ShopSchema {
///     async fn migrate(url: &str) -> itest::Result<()> {
///         migrate_with_my_client(url).await
///     }
/// }
///
/// type ShopDb = mysql::Mysql<ShopSchema>;
/// ```
///
/// A type with migrations of both kinds does not compile:
///
/// ```compile_fail,E0119
/// use itest::mysql;
/// use itest::sqlx::migrate::Migrator;
///
/// static MIGRATIONS: Migrator = Migrator::DEFAULT;
///
/// struct ShopSchema;
///
/// impl mysql::SchemaByUrl for ShopSchema {
///     async fn migrate(_: &str) -> itest::Result<()> {
///         Ok(())
///     }
/// }
///
/// impl mysql::Schema for ShopSchema {
///     fn migrator() -> &'static Migrator {
///         &MIGRATIONS
///     }
/// }
/// ```
///
/// A type without migrations does not compile either:
///
/// ```compile_fail,E0277
/// use itest::prelude::*;
///
/// struct ShopSchema;
///
/// #[integration_test]
/// fn uses_a_database(_db: &itest::mysql::Mysql<ShopSchema>) {}
/// ```
pub trait SchemaByUrl: 'static {
    /// How the tests are isolated from each other. A test that needs another isolation uses [`Cloned`](super::Cloned).
    const ISOLATION: Isolation = Isolation::Recycle;

    /// Creates the tables in the empty database of the URL, and closes its connections.
    ///
    /// The function may block its thread. If it fails, panics or exceeds the time limit of a setup, the incomplete database is dropped.
    #[must_use]
    fn migrate(url: &str) -> impl Future<Output = Result<(), Error>>;

    /// Adds the rows that every test starts with, and closes its connections.
    #[must_use]
    fn seed(_url: &str) -> impl Future<Output = Result<(), Error>> {
        async { Ok(()) }
    }

    /// What `migrate` and `seed` read at run time: the version or the content of files that are not compiled into the suite.
    ///
    /// On a server that exists longer than the run, a later run uses the same template again, until the suite is built again or this text
    /// changes.
    #[must_use]
    fn version() -> String {
        String::new()
    }
}

static NO_MIGRATIONS: Migrator = Migrator::DEFAULT;

#[diagnostic::do_not_recommend]
impl<S: SchemaByUrl> Schema for S {
    const ISOLATION: Isolation = <S as SchemaByUrl>::ISOLATION;

    fn migrator() -> &'static Migrator {
        &NO_MIGRATIONS
    }

    fn by_url() -> Option<UrlFunctions> {
        Some(UrlFunctions {
            migrate: |url| Box::pin(async move { S::migrate(&url).await }),
            seed: |url| Box::pin(async move { <S as SchemaByUrl>::seed(&url).await }),
            version: S::version,
            schema: std::any::type_name::<S>(),
        })
    }
}
