//! The search for the files of `#[files(...)]`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::case_source::{FilePatterns, printable};
use crate::model::{RunTimeCase, sort};

/// A `*` does not match the `.` of a hidden file, as in a shell.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Finds the files that match, in the order of their names.
///
/// # Errors
///
/// When a pattern is wrong, a folder cannot be read, or no file matches.
pub(super) fn find(patterns: &FilePatterns) -> Result<Vec<RunTimeCase>, String> {
    let package = folder_of(patterns);
    let mut files: Vec<PathBuf> = Vec::new();
    for pattern in patterns.patterns {
        let before = files.len();
        Search::new(pattern, &package)?.visit(Path::new(""), 1, &mut files)?;
        if files.len() == before {
            return Err(format!(
                "no file matches `{pattern}` in {}; correct the pattern, or add a file",
                package.display()
            ));
        }
    }
    // A file may match several patterns.
    sort(&mut files);
    files.dedup();
    let folder = package.join(common_folder(patterns.patterns));
    files.iter().map(|path| case(path, &folder)).collect()
}

/// The folder of the suite's package. Where the tests run on another machine than the one that compiled them, cargo-nextest sets the variable.
fn folder_of(patterns: &FilePatterns) -> PathBuf {
    if Path::new(patterns.package).is_dir() {
        return PathBuf::from(patterns.package);
    }
    (patterns.variable)("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// The search for the files of one pattern.
///
/// The folders are not visited by the crate `glob`, because it panics at a name that is not UTF-8.
struct Search {
    /// The folder before the first wildcard.
    folder: PathBuf,
    /// The rest of the pattern.
    rest: Pattern,
    /// How many components a matching path has at most; `None` for a pattern with `**`.
    depth: Option<usize>,
    /// Whether a component of the pattern begins with a `.`, so that hidden folders may match.
    visits_hidden: bool,
}

impl Search {
    fn new(pattern: &str, package: &Path) -> Result<Self, String> {
        let fixed = fixed_folder(pattern);
        let rest = Path::new(pattern).strip_prefix(&fixed).unwrap_or(Path::new(pattern)).to_string_lossy().into_owned();
        let wrong = |error: glob::PatternError| format!("the pattern `{pattern}` is wrong: {}", error.msg);
        let components = rest.split('/');
        Ok(Self {
            folder: package.join(fixed),
            depth: (!rest.contains("**")).then(|| components.clone().count()),
            visits_hidden: components.clone().any(|component| component.starts_with('.')),
            rest: Pattern::new(&rest).map_err(wrong)?,
        })
    }

    /// Collects the matching files of a folder, whose path is relative, and of the folders in it. A link to a folder is not followed.
    fn visit(&self, folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
        let path = self.folder.join(folder);
        if depth == 1 && !path.is_dir() {
            return Ok(());
        }
        let cannot_read = |error| format!("cannot read {}: {error}", path.display());
        for entry in fs::read_dir(&path).map_err(cannot_read)? {
            let entry = entry.map_err(cannot_read)?;
            let name = folder.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                if self.depth.is_none_or(|most| depth < most) && (self.visits_hidden || !is_hidden) {
                    self.visit(&name, depth + 1, files)?;
                }
            } else if self.rest.matches_with(&name.to_string_lossy(), OPTIONS) && entry.path().is_file() {
                files.push(entry.path());
            }
        }
        Ok(())
    }
}

/// The longest folder without a wildcard that all patterns begin with.
fn common_folder(patterns: &[&str]) -> PathBuf {
    let folders = patterns.iter().map(|pattern| fixed_folder(pattern));
    folders.reduce(|common, folder| shared_beginning(&common, &folder)).unwrap_or_default()
}

/// The components of a pattern before the first with a wildcard, and without the last one.
fn fixed_folder(pattern: &str) -> PathBuf {
    let path = Path::new(pattern);
    let parent = path.parent().unwrap_or(path);
    let is_fixed = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    parent.components().take_while(is_fixed).collect()
}

fn shared_beginning(left: &Path, right: &Path) -> PathBuf {
    left.components().zip(right.components()).take_while(|(left, right)| left == right).map(|(part, _)| part).collect()
}

fn case(path: &Path, folder: &Path) -> Result<RunTimeCase, String> {
    let relative = path.strip_prefix(folder).unwrap_or(path);
    match (relative.to_str(), path.to_str()) {
        (Some(name), Some(file)) => Ok(RunTimeCase { name: printable(name), file: Some(file.to_owned()) }),
        _ => Err(format!("the name of {} is not UTF-8; rename it", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    /// The names that these patterns find in a folder with these files, or the reason for none.
    fn names(files: &[&str], patterns: &'static [&'static str]) -> Result<Vec<String>, String> {
        // A folder whose name has the characters of patterns.
        let folder = tempfile::Builder::new().prefix("cases[*]").tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let package: &'static str = Box::leak(folder.path().to_str().unwrap().to_owned().into_boxed_str());
        let cases = find(&FilePatterns { package, variable: |_| None, patterns })?;
        Ok(cases.into_iter().map(|case| case.name).collect())
    }

    #[test]
    fn case_is_named_after_its_path_below_the_fixed_folder() {
        let files =
            ["cases/b.json", "cases/a.json", "cases/deep/c.json", "cases/d.txt", "cases/.hidden.json", "more/e.json"];
        assert_eq!(names(&files, &["cases/*.json"]).unwrap(), ["a.json", "b.json"]);
        assert_eq!(names(&files, &["cases/**/*.json"]).unwrap(), ["a.json", "b.json", "deep/c.json"]);
        assert_eq!(names(&files, &["cases/a.json", "cases/[ab].json"]).unwrap(), ["a.json", "b.json"]);
        assert_eq!(names(&files, &["cases/a.json", "more/*"]).unwrap(), ["cases/a.json", "more/e.json"]);
        assert_eq!(names(&files, &["cases/.*"]).unwrap(), [".hidden.json"]);
        assert_eq!(names(&["a b\n.json"], &["*.json"]).unwrap(), ["a b\\n.json"]);
    }

    #[test]
    fn pattern_without_a_file_is_an_error() {
        let reason = names(&["cases/a.json", "folder.json/a"], &["cases/*.json", "*.json"]).unwrap_err();
        assert!(reason.starts_with("no file matches `*.json` in "), "{reason}");
        let reason = names(&["a"], &["cases/a**"]).unwrap_err();
        assert!(reason.starts_with("the pattern `cases/a**` is wrong: "), "{reason}");
    }

    #[test]
    fn name_that_is_not_utf_8_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"\xff.json")), "").unwrap();
        let package: &'static str = Box::leak(folder.path().to_str().unwrap().to_owned().into_boxed_str());
        let reason = find(&FilePatterns { package, variable: |_| None, patterns: &["*.json"] }).unwrap_err();
        assert!(reason.ends_with("is not UTF-8; rename it"), "{reason}");
    }
}
