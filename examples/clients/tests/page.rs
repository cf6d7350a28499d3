//! Claims of `docs/other-clients.md`: its examples are parts of the suites, and itest adds no SQLite to the dependency graph.

use std::fs;
use std::path::Path;

#[test]
fn examples_of_the_page_are_parts_of_the_suites() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suites =
        fs::read_dir(folder.join("tests")).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let suites: Vec<String> = suites.map(|suite| without_indentation(&suite)).collect();
    let page = fs::read_to_string(folder.join("../../docs/other-clients.md")).unwrap();
    let examples: Vec<&str> =
        page.split("```rust,ignore\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 4);
    for example in examples {
        let example = without_indentation(example);
        assert!(suites.iter().any(|suite| suite.contains(&example)), "this is in none of the suites:\n{example}");
    }
}

/// If itest added the SQLite of its sqlx to the dependency graph, cargo would refuse each crate that needs another version of
/// `libsqlite3-sys`: sqlx 0.7, sea-orm 0.12, many versions of rusqlite.
#[test]
fn itest_adds_no_sqlite_to_the_dependency_graph() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    assert!(lock.contains("name = \"sqlx-postgres\"\nversion = \"0.9"));
    assert!(!lock.contains("name = \"sqlx-sqlite\"\nversion = \"0.9"));
}

fn without_indentation(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("{}\n", line.trim_start())).collect()
}
