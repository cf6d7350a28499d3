//! What each feature of itest-fixtures adds to a build: crates, and the time of a build from nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use figures::{Context, Failure, Table, timed};

/// What a build without or with one feature takes.
struct Build {
    crates: usize,
    time: Duration,
}

/// Builds itest-fixtures without features and with each of these, or with each public one if there are none.
///
/// # Errors
///
/// When cargo fails.
pub(crate) fn table(names: &[String]) -> Result<Table, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let names = if names.is_empty() { public_features(&root)? } else { names.to_vec() };
    let without = build(&root, "")?;
    let mut table = Table::new(&["feature", "crates", "more than without", "build", "more than without"]);
    table.row([Some("none".to_owned()), Some(without.crates.to_string()), None, Some(seconds(without.time)), None]);
    for name in names {
        let with = build(&root, &name)?;
        table.row([
            Some(format!("`{name}`")),
            Some(with.crates.to_string()),
            Some(format!("+{}", with.crates.saturating_sub(without.crates))),
            Some(seconds(with.time)),
            Some(format!("+{}", seconds(with.time.saturating_sub(without.time)))),
        ]);
        eprintln!("{name}: {} crates, {}", with.crates, seconds(with.time));
    }
    Ok(table)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The features of itest-fixtures that users name.
fn public_features(root: &Path) -> Result<Vec<String>, Failure> {
    let path = root.join("itest-fixtures/Cargo.toml");
    let text = fs::read_to_string(&path).context(|| format!("reading {}", path.display()))?;
    let lines = text.lines().skip_while(|line| *line != "[features]").skip(1).take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| Some(line.split_once(" = [")?.0));
    Ok(names.filter(|name| *name != "default" && !name.starts_with('_')).map(str::to_owned).collect())
}

/// Counts the crates, and builds them in an empty folder, which is removed afterwards.
fn build(root: &Path, feature: &str) -> Result<Build, Failure> {
    let cargo = |command: &str| {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root).args([command, "--locked", "--package", "itest-fixtures", "--no-default-features"]);
        cargo.args(["--features", feature]);
        cargo
    };
    let tree = cargo("tree").args(["--edges", "normal", "--prefix", "none", "--format", "{p}"]).output();
    let tree = tree.context(|| "running cargo tree".to_owned())?;
    if !tree.status.success() {
        return Err(Failure::new(String::from_utf8_lossy(&tree.stderr).into_owned()));
    }
    let text = String::from_utf8_lossy(&tree.stdout);
    let crates: BTreeSet<&str> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    let target = Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/features"));
    target.remove()?;
    let time = timed(cargo("build").arg("--target-dir").arg(&target.0))?;
    target.remove()?;
    Ok(Build { crates: crates.len(), time })
}

/// The target folder of the builds.
struct Folder(PathBuf);

impl Folder {
    fn remove(&self) -> Result<(), Failure> {
        if self.0.exists() {
            fs::remove_dir_all(&self.0).context(|| format!("removing {}", self.0.display()))?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A build that failed leaves its files.
        let _ = self.remove();
    }
}
