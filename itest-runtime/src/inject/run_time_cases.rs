//! The cases of a test that are found when a suite starts: files, or what a function returns.

use std::sync::OnceLock;
use std::{fmt, fs};

use super::case_file::CaseFile;
use super::case_source::{CaseSource, FilePatterns, printable};
use super::case_values::{CaseValues, take};
use super::panic::{Caught, catch_panic};
use crate::model::RunTimeCase;

/// The cases of one test. The expansion of the test has a `static` of this type.
///
/// Only the process that the user starts searches. It sends what it has found to the workers, so that all processes of a run number the same
/// cases, even if a test writes another file meanwhile.
pub struct RunTimeCases {
    finder: Finder,
    /// The cases of the other parameters, which multiply the found ones; empty for none.
    inner: &'static [&'static str],
    discovered: OnceLock<Result<Vec<RunTimeCase>, String>>,
}

/// What finds the cases.
enum Finder {
    /// Patterns of files.
    #[cfg(feature = "files")]
    Files(&'static FilePatterns),
    /// A function that returns named values. Its name is for messages.
    Function { name: &'static str, names: fn() -> Result<Vec<String>, String> },
}

impl RunTimeCases {
    /// One case for each file that matches a pattern, multiplied by the cases of the other parameters.
    #[cfg(feature = "files")]
    #[must_use]
    pub const fn files(patterns: &'static FilePatterns, inner: &'static [&'static str]) -> Self {
        Self { finder: Finder::Files(patterns), inner, discovered: OnceLock::new() }
    }

    /// Does not compile, because the feature is missing.
    ///
    /// # Panics
    ///
    /// Always, while the suite is compiled.
    #[cfg(not(feature = "files"))]
    #[must_use]
    #[expect(
        clippy::panic,
        reason = "the compiler reports the panic, because the expansion calls this function in a static"
    )]
    pub const fn files(_: &'static FilePatterns, _: &'static [&'static str]) -> Self {
        panic!("`#[files(…)]` needs the feature `files` of itest")
    }

    /// One case for each value of a function, multiplied by the cases of the other parameters.
    #[must_use]
    pub const fn function(
        name: &'static str,
        names: fn() -> Result<Vec<String>, String>,
        inner: &'static [&'static str],
    ) -> Self {
        Self { finder: Finder::Function { name, names }, inner, discovered: OnceLock::new() }
    }

    /// The file of a row.
    ///
    /// # Panics
    ///
    /// Never in expanded code: only rows of found files run.
    #[must_use]
    #[expect(clippy::panic, reason = "the expansion asks for the file of a row that was found")]
    pub fn file(&self, row: usize) -> CaseFile {
        let case = self.of_row(row);
        match case.and_then(|case| Some(CaseFile::new(&case.name, case.file.as_ref()?))) {
            Some(file) => file,
            None => panic!("itest: case {row} has no file; please report this"),
        }
    }

    /// The value of a row, from the function that was given to [`Self::function`].
    ///
    /// # Panics
    ///
    /// When the function fails, or no longer returns a value with the name of the case.
    #[must_use]
    #[expect(clippy::panic, reason = "the panic is the failure of the test")]
    pub fn value<T: 'static>(&'static self, row: usize, values: fn() -> CaseValues<T>) -> T {
        let function = self.function_name();
        let Some(case) = self.of_row(row) else { panic!("itest: there is no case {row}; please report this") };
        match take(std::ptr::from_ref(self).addr(), &case.name, values) {
            Ok(Some(value)) => value,
            Ok(None) => {
                panic!("`{function}` returned the case `{}` at the start of the run, and does so no longer", case.name)
            }
            Err(reason) => panic!("`{function}` failed: {reason}"),
        }
    }

    fn function_name(&self) -> &'static str {
        match self.finder {
            #[cfg(feature = "files")]
            Finder::Files(_) => "files",
            Finder::Function { name, .. } => name,
        }
    }

    fn of_row(&self, row: usize) -> Option<&RunTimeCase> {
        self.all().get(row / self.inner.len().max(1))
    }

    /// The found cases; empty before the search, and if it has failed.
    fn all(&self) -> &[RunTimeCase] {
        self.discovered.get().and_then(|discovered| discovered.as_deref().ok()).unwrap_or_default()
    }

    fn find(&self) -> Result<Vec<RunTimeCase>, String> {
        match self.finder {
            #[cfg(feature = "files")]
            Finder::Files(patterns) => super::file_search::find(patterns),
            Finder::Function { name, names } => {
                let names = names().map_err(|reason| format!("`{name}` failed: {reason}"))?;
                if names.is_empty() {
                    return Err(format!("`{name}` returned no case; return one, or remove the test"));
                }
                Ok(names.into_iter().map(|name| RunTimeCase { name: printable(&name), file: None }).collect())
            }
        }
    }
}

impl CaseSource for RunTimeCases {
    fn search(&self) -> Result<(), &str> {
        let search = || match catch_panic(|| self.find()) {
            Ok(discovered) => discovered.and_then(distinct),
            Err(Caught::Skip(reason)) => Err(format!("it asked for a skip: {reason}")),
            Err(Caught::Panic(problem)) => Err(format!("`{}` panicked: {}", self.function_name(), problem.message)),
        };
        self.discovered.get_or_init(search).as_ref().map(|_| ()).map_err(String::as_str)
    }

    fn rows(&self) -> usize {
        self.all().len() * self.inner.len().max(1)
    }

    fn name(&self, row: usize) -> Option<String> {
        let discovered = &self.of_row(row)?.name;
        Some(match self.inner.get(row % self.inner.len().max(1)) {
            Some(inner) => format!("{discovered}::{inner}"),
            None => discovered.clone(),
        })
    }

    fn checksums(&self) -> Vec<(String, String)> {
        let checksum = |case: &RunTimeCase| {
            let content = fs::read(case.file.as_ref()?).ok()?;
            Some((case.name.clone(), format!("{:08x}-{}", crc32fast::hash(&content), content.len())))
        };
        self.all().iter().filter_map(checksum).collect()
    }

    fn to_text(&self) -> String {
        serde_json::to_string(self.all()).unwrap_or_default()
    }

    fn give(&self, text: &str) {
        if let Ok(discovered) = serde_json::from_str(text) {
            // A worker that is a thread shares the cases with the process that has found them.
            let _ = self.discovered.set(Ok(discovered));
        }
    }
}

/// Rejects two cases with the same name, because a name selects one.
fn distinct(mut discovered: Vec<RunTimeCase>) -> Result<Vec<RunTimeCase>, String> {
    let mut names: Vec<&str> = discovered.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    if let Some((name, _)) = names.iter().zip(names.iter().skip(1)).find(|(first, second)| first == second) {
        return Err(format!("two cases are named `{name}`; rename one of them"));
    }
    if names.first() == Some(&"") {
        return Err("a case has an empty name; give it one".to_owned());
    }
    discovered.shrink_to_fit();
    Ok(discovered)
}

impl fmt::Debug for RunTimeCases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RunTimeCases").field("found", &self.all()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_time_cases_are_multiplied_by_those_of_other_parameters() {
        let cases = RunTimeCases::function("rows", || Ok(vec!["a".into(), "b".into()]), &["x", "y"]);
        cases.search().unwrap();
        let names: Vec<_> = (0..cases.rows()).filter_map(|row| cases.name(row)).collect();
        assert_eq!(names, ["a::x", "a::y", "b::x", "b::y"]);
        assert_eq!(cases.name(4), None);
    }

    #[test]
    fn search_that_finds_no_distinct_cases_says_why() {
        let reason = |names| RunTimeCases::function("rows", names, &[]).search().unwrap_err().to_owned();
        assert_eq!(reason(|| Ok(Vec::new())), "`rows` returned no case; return one, or remove the test");
        assert_eq!(reason(|| Ok(vec!["a".into(), "a".into()])), "two cases are named `a`; rename one of them");
        assert_eq!(reason(|| Ok(vec![String::new()])), "a case has an empty name; give it one");
        assert_eq!(reason(|| Err("no such file".into())), "`rows` failed: no such file");
    }
}
