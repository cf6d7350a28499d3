//! How connections to a database are opened.

use std::path::Path;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::schema::Schema;
use crate::database::encoded;

/// The options of a database in memory.
pub(super) fn in_memory(name: &str) -> SqliteConnectOptions {
    // `memdb` shares a database whose name begins with a slash among all connections of the process.
    SqliteConnectOptions::new().filename(format!("/{name}")).vfs("memdb").create_if_missing(true)
}

/// The options of a database file. The journal mode is not set, because copies inherit the write-ahead log of the template.
pub(super) fn on_disk(path: &Path) -> SqliteConnectOptions {
    // A test's rows need not survive a crash of the machine, so no statement waits for the disk.
    SqliteConnectOptions::new().filename(path).create_if_missing(true).synchronous(SqliteSynchronous::Off)
}

/// The options with which the suite's code, and everything that reads the suite's schema, connects to a database.
pub(super) fn options_of<S: Schema>(database: SqliteConnectOptions) -> SqliteConnectOptions {
    S::options(database.foreign_keys(true))
}

/// The options for the template. They allow writing even if the suite's pools may only read, and they turn logging off, because the log
/// would appear in the output of an unrelated test.
pub(super) fn template_options_of<S: Schema>(database: SqliteConnectOptions) -> SqliteConnectOptions {
    options_of::<S>(database).read_only(false).immutable(false).create_if_missing(true).disable_statement_logging()
}

/// A pool that keeps its connections. It does not test them before use, because only their owner can close a connection to SQLite.
pub(super) fn pool_of(options: SqliteConnectOptions) -> SqlitePool {
    let pool = SqlitePoolOptions::new().idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    pool.connect_lazy_with(options)
}

/// The URL of a file with any path.
pub(super) fn url_of(path: &Path) -> String {
    format!("sqlite://{}", encoded(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::*;

    #[tokio::test]
    async fn url_of_a_file_opens_paths_with_special_characters() {
        let folder = std::env::temp_dir().join(format!("itest-sqlite-url-{}", std::process::id()));
        for name in ["a b", "a?b=c&d", "a#b", "100%", "%41", "ö→🦀", "a'b\"c", "a+b", "a\\b;c", "file:x", "a:b@c"]
        {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).unwrap();
            let path = path.join("test.sqlite");
            let own = on_disk(&path).connect().await.unwrap();
            own.close().await.unwrap();
            let url = url_of(&path);
            let other = SqlitePool::connect(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
            let opened: String =
                sqlx::query_scalar("SELECT file FROM pragma_database_list").fetch_one(&other).await.unwrap();
            assert_eq!(Path::new(&opened), path, "{url}");
            other.close().await;
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
