//! Finds the installed programs of PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use itest_runtime::__private::variable;

/// The oldest supported major version. Older servers lack functions that clones and recycling need.
pub(super) const MIN_MAJOR_VERSION: u32 = 15;

/// One installation of the programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installation {
    /// The folder of the programs.
    pub(super) folder: PathBuf,
    /// The output of `postgres --version`.
    pub(super) version: String,
    major: u32,
}

impl Installation {
    /// The installation on the `PATH`, or else the newest one in the folders of Debian, Red Hat and Homebrew.
    pub(super) fn newest() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).find_map(|folder| Self::at(&folder));
        on_path.or_else(|| {
            let installed = installed().into_iter().filter_map(|folder| Self::at(&folder));
            installed.max_by_key(|installation| installation.major)
        })
    }

    fn at(folder: &Path) -> Option<Self> {
        let postgres = folder.join("postgres");
        if !postgres.is_file() || !folder.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(postgres).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let major = major(&version)?;
        (major >= MIN_MAJOR_VERSION).then(|| Self { folder: folder.to_owned(), version, major })
    }

    /// The command of one of the programs.
    pub(super) fn program(&self, name: &str) -> Command {
        Command::new(self.path(name))
    }

    /// The path of a program.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The major version after `postgres (PostgreSQL) `.
fn major(version: &str) -> Option<u32> {
    let number = version.split(") ").nth(1)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn installed() -> Vec<PathBuf> {
    let inside = |parent: &str, prefix: &str, bin: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(parent).map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>());
        let named = entries
            .unwrap_or_default()
            .into_iter()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        named.map(|entry| entry.path().join(bin)).collect()
    };
    [
        inside("/usr/lib/postgresql", "", "bin"),
        inside("/usr", "pgsql-", "bin"),
        inside("/opt/homebrew/opt", "postgresql", "bin"),
        inside("/usr/local/opt", "postgresql", "bin"),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_version_is_parsed_from_the_version_output() {
        assert_eq!(major("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("postgres"), None);
    }
}
