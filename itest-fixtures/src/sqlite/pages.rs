//! Copies a database page by page.
//!
//! `VACUUM INTO` also copies a database, but it runs every statement of the schema again: for twenty tables that takes thirty times as long.

#![expect(unsafe_code, reason = "sqlx does not wrap SQLite's backup functions")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use sqlx::SqliteConnection;
use sqlx::sqlite::LockedSqliteHandle;

/// The name of the database that a connection has opened first.
const MAIN: &CStr = c"main";

/// The number of pages for `sqlite3_backup_step` that means all pages.
const ALL_PAGES: c_int = -1;

/// The result of `sqlite3_backup_step` after the last page.
const SQLITE_DONE: c_int = 101;

// The functions are declared here, because a dependency on `libsqlite3-sys` would have to name the same version as sqlx, and sqlx may choose
// another one in any release.
//
// SAFETY: these are the declarations of https://www.sqlite.org/c3ref/backup_finish.html, and sqlx links the library.
unsafe extern "C" {
    fn sqlite3_backup_init(
        destination: *mut c_void,
        destination_name: *const c_char,
        source: *mut c_void,
        source_name: *const c_char,
    ) -> *mut c_void;
    fn sqlite3_backup_step(backup: *mut c_void, pages: c_int) -> c_int;
    fn sqlite3_backup_finish(backup: *mut c_void) -> c_int;
}

/// Copies the source to an empty destination. Returns whether SQLite has copied everything: it refuses to copy an
/// encrypted database to one without encryption.
pub(super) async fn copy_pages(source: &mut SqliteConnection, destination: &mut SqliteConnection) -> bool {
    // The connections' own threads do not use them while these handles exist.
    let Ok(mut source) = source.lock_handle().await else { return false };
    let Ok(mut destination) = destination.lock_handle().await else { return false };
    tokio::task::block_in_place(|| copy(&mut source, &mut destination))
}

fn copy(source: &mut LockedSqliteHandle<'_>, destination: &mut LockedSqliteHandle<'_>) -> bool {
    let (source, destination) = (pointer(source), pointer(destination));
    // SAFETY: both connections are open and locked until this function returns, they are two different ones, and the names end with zero.
    // A backup that could be initialized is used by this function only, and finished once.
    unsafe {
        let backup = sqlite3_backup_init(destination, MAIN.as_ptr(), source, MAIN.as_ptr());
        if backup.is_null() {
            return false;
        }
        let result = sqlite3_backup_step(backup, ALL_PAGES);
        sqlite3_backup_finish(backup);
        result == SQLITE_DONE
    }
}

fn pointer(handle: &mut LockedSqliteHandle<'_>) -> *mut c_void {
    NonNull::cast(handle.as_raw_handle()).as_ptr()
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, Executor as _};

    use super::super::options::in_memory;
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn destination_has_the_contents_and_the_page_size_of_the_source() {
        let mut source = in_memory("pages-source").page_size(1024).connect().await.unwrap();
        source.execute("CREATE TABLE word (text); INSERT INTO word VALUES ('a'), ('b')").await.unwrap();
        let mut destination = in_memory("pages-destination").connect().await.unwrap();
        assert!(copy_pages(&mut source, &mut destination).await);
        let words: Vec<String> = sqlx::query_scalar("SELECT text FROM word").fetch_all(&mut destination).await.unwrap();
        assert_eq!(words, ["a", "b"]);
        let page_size: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut destination).await.unwrap();
        assert_eq!(page_size, 1024);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn destination_with_an_open_transaction_is_refused() {
        let mut source = in_memory("pages-other-source").connect().await.unwrap();
        let mut destination = in_memory("pages-busy-destination").connect().await.unwrap();
        destination.execute("BEGIN; CREATE TABLE word (text)").await.unwrap();
        assert!(!copy_pages(&mut source, &mut destination).await);
    }
}
