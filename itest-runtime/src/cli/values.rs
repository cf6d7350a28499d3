//! The values of settings: parses them from text, and writes them as TOML.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::{Budget, MAX_DURATION, duration_in_words};

/// The value of a setting, as in `itest.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SettingValue {
    /// A text, which TOML puts in quotes.
    Text(String),
    /// A number or a boolean.
    Bare(String),
    /// A text whose secret is replaced, so it cannot be read back.
    Redacted(String),
}

impl SettingValue {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number or a boolean.
    pub(super) fn bare(value: impl ToString + Copy) -> Self {
        Self::Bare(value.to_string())
    }

    /// The word that stands for a value.
    pub(super) fn word<T: PartialEq>(value: &T, words: &[(&str, T)]) -> Self {
        let word = words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| word);
        Self::text(word)
    }

    /// A length of time.
    pub(super) fn duration(duration: Duration) -> Self {
        Self::text(duration_in_words(duration))
    }

    /// A path, or an empty text where there is none.
    pub(super) fn path(path: Option<&Path>) -> Self {
        // Settings come from text, so a path among them is always valid Unicode.
        Self::text(path.unwrap_or(Path::new("")).to_string_lossy())
    }

    /// The text from which [`Setting::set`](super::settings::Setting) reads the value.
    pub(super) fn as_text(&self) -> &str {
        let (Self::Text(text) | Self::Bare(text) | Self::Redacted(text)) = self;
        text
    }

    /// The value as TOML.
    pub(super) fn to_toml(&self) -> String {
        match self {
            Self::Text(text) | Self::Redacted(text) => toml_string(text),
            Self::Bare(text) => text.clone(),
        }
    }
}

/// A text as a basic string of TOML, in which quotes, backslashes and control characters are escaped.
pub(super) fn toml_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Parses one of these words.
pub(super) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let hint =
            closest(text, words.iter().copied()).map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
        format!("expected {}{hint}", words.join(", "))
    })
}

/// Parses a whole number that is not zero.
pub(super) fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number from 1".to_owned())
}

/// Parses a duration that is not zero.
///
/// # Errors
///
/// What is expected instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    duration_or_zero(text)?.ok_or_else(|| format!("expected a length of time that is not zero, {EXAMPLES}"))
}

/// The advice in errors about a duration.
const EXAMPLES: &str = "with its unit, such as 500ms, 10s or 2m";

/// Parses a duration. Returns none for zero. All durations from users are parsed here, so that none of them exceeds the maximum.
pub(super) fn duration_or_zero(text: &str) -> Result<Option<Duration>, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= MAX_DURATION => Ok(Some(duration).filter(|duration| !duration.is_zero())),
        Ok(_) | Err(humantime::DurationError::NumberOverflow) => {
            Err("longer than 10 years, which is the longest that is allowed".to_owned())
        }
        Err(_) => Err(format!("expected a length of time {EXAMPLES}")),
    }
}

/// Parses a duration or a number of executions.
pub(super) fn budget(text: &str) -> Result<Budget, String> {
    if let Ok(executions) = text.parse::<NonZeroUsize>() {
        return Ok(Budget { time: None, executions: Some(executions.get()) });
    }
    let time = duration(text).map_err(|what| format!("{what}; or a number of executions from 1"))?;
    Ok(Budget { time: Some(time), executions: None })
}

/// Parses a switch.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

/// Parses a path. Returns none for an empty text.
pub(super) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// The word that is most similar to a mistyped one, if one is similar enough.
pub(super) fn closest<'w>(text: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    words
        .map(|word| (strsim::jaro_winkler(text, word), word))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, word)| word)
}
