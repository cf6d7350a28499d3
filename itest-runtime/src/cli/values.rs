//! Values of settings: read from text, and shown as TOML.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::Budget;

/// The value of one of a few words.
pub(super) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let hint =
            closest(text, words.iter().copied()).map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
        format!("expected {}{hint}", words.join(", "))
    })
}

/// A whole number that is not zero.
pub(super) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number from 1".to_owned())
}

/// A length of time that is not zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero());
    parsed.ok_or_else(|| "expected a length of time with its unit, such as 500ms, 10s or 2m".to_owned())
}

/// A length of time, or a number of executions.
pub(super) fn budget(text: &str) -> Result<Budget, String> {
    if let Ok(executions) = text.parse::<NonZeroUsize>() {
        return Ok(Budget { time: None, executions: Some(executions.get()) });
    }
    let time = duration(text).map_err(|_| {
        "expected a length of time with its unit, such as 30m, or a number of executions from 1".to_owned()
    })?;
    Ok(Budget { time: Some(time), executions: None })
}

/// On or off.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// A text as TOML.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// A path; an empty one is none.
pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// A path as TOML.
pub(super) fn shown_path(path: Option<&Path>) -> String {
    quoted(&path.unwrap_or(Path::new("")).to_string_lossy())
}

/// A length of time as TOML.
pub(super) fn shown_duration(duration: Duration) -> String {
    quoted(&humantime::format_duration(duration).to_string())
}

/// The word most like a mistyped one, if any is close.
pub(super) fn closest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    words
        .map(|word| (strsim::jaro_winkler(text, word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word)
}
