//! The paths and the address that the driver sets.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Notes the acquisition of a resource.
pub(crate) fn note(what: &str) {
    append("SOAK_JOURNAL", what);
}

/// Notes the id of this process, which is part of the names of the folders of its private servers.
pub(crate) fn note_process() {
    append("SOAK_PROCESSES", &std::process::id().to_string());
}

fn append(variable: &str, what: &str) {
    let Some(path) = std::env::var_os(variable) else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{what}\n").as_bytes())).expect("the journal can be written");
}

/// A unique path in the folder for resources outside of processes.
pub(crate) fn outside(stem: &str) -> PathBuf {
    static NUMBERS: AtomicU32 = AtomicU32::new(0);
    let folder = std::env::var_os("SOAK_OUTSIDE").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join(format!("{stem}-{}-{}", std::process::id(), NUMBERS.fetch_add(1, Ordering::Relaxed)))
}

/// The address on which children listen.
pub(crate) fn address() -> String {
    std::env::var("SOAK_ADDRESS").unwrap_or_else(|_| "127.0.0.1".to_owned())
}

/// The program that tests start.
pub(crate) fn child() -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name("soak-child")
}
