//! What a test knows of its cases if they are found when the suite starts.

use std::fmt;

/// The cases of one test that are found when the suite starts.
///
/// This is a trait, so that a suite without such cases does not contain the code that finds them.
pub trait CaseSource: fmt::Debug + Sync {
    /// Searches, unless the cases are known.
    ///
    /// # Errors
    ///
    /// The reason why there are no cases.
    fn search(&self) -> Result<(), &str>;

    /// The number of rows: the found cases times the cases of the other parameters. 0 before the search.
    fn rows(&self) -> usize;

    /// The name of a row, such as `orders/large.json::strict_true`.
    fn name(&self, row: usize) -> Option<String>;

    /// The checksums of the cases' files, by the names of the cases. A file that cannot be read has none.
    fn checksums(&self) -> Vec<(String, String)>;

    /// What was found, for another process.
    fn to_text(&self) -> String;

    /// Uses what another process has found.
    fn give(&self, text: &str);
}

/// The patterns of `#[files(...)]`.
#[derive(Debug)]
pub struct FilePatterns {
    /// The folder of the suite's package when it was compiled.
    pub package: &'static str,
    /// Reads a variable of the environment.
    pub variable: fn(&str) -> Option<String>,
    /// The patterns, which are relative to the folder.
    pub patterns: &'static [&'static str],
}

/// A name in one line of visible characters. Two names do not become the same.
pub(super) fn printable(name: &str) -> String {
    let mut printable = String::with_capacity(name.len());
    for character in name.chars() {
        if character == '\\' || character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_visible_line_and_stay_distinct() {
        assert_eq!(printable("a b/ä::c"), "a b/ä::c");
        assert_eq!(printable("a\nb"), "a\\nb");
        assert_eq!(printable("a\\nb"), "a\\\\nb");
    }
}
