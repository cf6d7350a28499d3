//! The migrations of a suite: those of sqlx, which itest runs, or functions of the suite, which connect by the URL of the database.

use std::fmt;

use sqlx_core::migrate::Migrator;

use itest_runtime::__private::LocalFuture;
use itest_runtime::Error;

use super::describe;

/// A function of the suite that connects to the database of a URL and changes it.
type ChangeByUrl = fn(String) -> LocalFuture<'static, Result<(), Error>>;

/// The functions of a suite that fill a database by its URL, with any client.
#[derive(Clone, Copy)]
pub struct UrlFunctions {
    pub(crate) migrate: ChangeByUrl,
    pub(crate) seed: ChangeByUrl,
    pub(crate) version: fn() -> String,
    /// The name of the type that implements the functions.
    pub(crate) schema: &'static str,
}

impl fmt::Debug for UrlFunctions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UrlFunctions").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl UrlFunctions {
    /// Migrates and seeds the database of a URL.
    ///
    /// # Errors
    ///
    /// The function that failed, and its error.
    pub(crate) async fn fill(&self, url: String) -> Result<(), Error> {
        let failed = |function: &str, error: Error| {
            let text = describe(error.inner());
            Error::new(format!("the function `{function}` of the schema {} failed: {text}", self.schema))
        };
        (self.migrate)(url.clone()).await.map_err(|error| failed("migrate", error))?;
        (self.seed)(url).await.map_err(|error| failed("seed", error))
    }
}

/// The migrations of a suite.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Migrations {
    /// Migrations of sqlx, in the version that itest uses. itest runs them and can read their text.
    Sqlx(&'static Migrator),
    /// Functions of the suite, for every other client.
    ByUrl(UrlFunctions),
}

impl Migrations {
    /// The functions of the suite, or the migrations of sqlx.
    pub(crate) fn new(by_url: Option<UrlFunctions>, migrator: fn() -> &'static Migrator) -> Self {
        by_url.map_or_else(|| Self::Sqlx(migrator()), Self::ByUrl)
    }

    /// The migrations whose text itest can read.
    #[cfg(feature = "postgres")]
    pub(crate) fn readable(&self) -> Option<&'static Migrator> {
        if let Self::Sqlx(migrator) = self { Some(migrator) } else { None }
    }

    /// The cause of a change that is not in the text of a migration, as the subject of a sentence.
    #[cfg(feature = "postgres")]
    pub(crate) fn cause_outside_of_the_text(&self) -> String {
        match self {
            Self::Sqlx(_) => "the seed".to_owned(),
            Self::ByUrl(functions) => format!("the function `migrate` or `seed` of the schema {}", functions.schema),
        }
    }
}
