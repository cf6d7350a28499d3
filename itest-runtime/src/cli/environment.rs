//! The environment variables of this process. Only this module reads them for settings.

use std::ffi::OsString;
use std::num::NonZeroUsize;

use super::defaults::base;
use super::setting::Setting;
use super::settings::{GivenSetting, all, find};
use super::values::closest;
use crate::model::{Mark, UsageError};
use crate::process::NEXTEST_MARK;

/// Variables of itest that are not settings.
const NO_SETTINGS: [&str; 2] = ["ITEST_PROFILE", "ITEST_CONFIG"];

/// Variables of libtest and of `tracing`, and the settings that they set.
const FOREIGN_VARIABLES: [(&str, &str); 5] = [
    ("RUST_LOG", "log"),
    ("RUST_TEST_THREADS", "jobs"),
    ("RUST_TEST_NOCAPTURE", "no-capture"),
    ("RUST_TEST_SHUFFLE", "order"),
    ("RUST_TEST_SHUFFLE_SEED", "seed"),
];

/// Environment variables, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    variables: Vec<(String, String)>,
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    ///
    /// When the value of a variable of itest is not valid Unicode.
    pub(super) fn read() -> Result<Self, UsageError> {
        Self::from_pairs(std::env::vars_os())
    }

    fn from_pairs(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, UsageError> {
        let mut variables = Vec::new();
        for (name, value) in pairs {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => variables.push((name, value)),
                Err(_) if name.starts_with("ITEST_") => return Err(UsageError::new(name, "is not valid Unicode")),
                Err(_) => {}
            }
        }
        Ok(Self { variables })
    }

    /// An environment with these variables only.
    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        Self { variables: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    /// The value of a variable, if it is not empty.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable, which may be empty.
    fn value(&self, name: &str) -> Option<&str> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a variable has a value other than `0` and `false`.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| value != "0" && value != "false")
    }

    /// The settings in the environment. A variable of itest comes after one of libtest, so that it has priority.
    pub(super) fn settings(&self) -> Vec<GivenSetting> {
        let mut given = Vec::new();
        for (name, key) in FOREIGN_VARIABLES {
            let Some(value) = self.find(name) else { continue };
            let value = match key {
                "order" | "no-capture" if !self.is_on(name) => continue,
                // A filter that itest cannot parse may be meant for another program.
                "log" if !is_valid(key, value) => continue,
                "order" => "random",
                "no-capture" => "true",
                _ => value,
            };
            given.push(GivenSetting::new(key, format!("{name}={value}"), value));
        }
        if self.prefixed_names().next().is_none() {
            return given;
        }
        for setting in all() {
            let name = setting.variable();
            if let Some(value) = self.value(&name) {
                given.push(GivenSetting::new(setting.key, format!("{name}={value}"), value));
            }
        }
        given
    }

    /// Variables that look like a misspelt variable of itest, with the likely name.
    pub(super) fn misspelt(&self) -> Vec<(&str, String)> {
        if self.prefixed_names().next().is_none() {
            return Vec::new();
        }
        let others = NO_SETTINGS.into_iter().map(str::to_owned);
        let known: Vec<String> = all().map(Setting::variable).chain(others).collect();
        let unknown = self.prefixed_names().filter(|name| !known.iter().any(|known| known == name));
        unknown
            .filter_map(|name| {
                let rest = name.trim_start_matches("ITEST_");
                let likely = closest(rest, known.iter().map(|known| known.trim_start_matches("ITEST_")))?;
                Some((name, format!("ITEST_{likely}")))
            })
            .collect()
    }

    /// The names of all variables with itest's prefix.
    fn prefixed_names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("ITEST_"))
    }

    /// The variable by which itest recognizes the processes that this test process of cargo-nextest starts.
    pub(super) fn nextest_mark(&self) -> Option<Mark> {
        self.find(NEXTEST_MARK).map(|attempt| Mark::new(NEXTEST_MARK, attempt))
    }

    /// The number of the attempt for which cargo-nextest started this process, counted from 1.
    pub(super) fn nextest_attempt(&self) -> u32 {
        self.find("NEXTEST_ATTEMPT").and_then(|attempt| attempt.parse().ok()).unwrap_or(1)
    }

    /// How many test processes cargo-nextest runs at a time, if it sets the variable.
    pub(super) fn nextest_jobs(&self) -> Option<NonZeroUsize> {
        self.find("NEXTEST_TEST_THREADS").and_then(|threads| threads.parse().ok())
    }

    /// The id of the cargo-nextest run, if cargo-nextest started this process.
    pub(super) fn nextest_run(&self) -> Option<&str> {
        let process_per_test = self.find("NEXTEST_EXECUTION_MODE") == Some("process-per-test");
        self.find("NEXTEST_RUN_ID").filter(|_| self.is_on("NEXTEST") && process_per_test)
    }
}

/// Whether the value is valid for the setting.
fn is_valid(key: &str, value: &str) -> bool {
    find(key).is_some_and(|setting| setting.set(&mut base(), value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_pairs(pairs.iter().map(|(name, value)| (name.into(), value.into()))).unwrap()
    }

    #[test]
    fn variables_of_itest_come_after_those_of_libtest() {
        let environment = environment(&[("ITEST_JOBS", "3"), ("RUST_TEST_THREADS", "2"), ("ITEST_SEED", "")]);
        let given: Vec<_> = environment.settings().into_iter().map(|given| (given.key, given.text)).collect();
        assert_eq!(given, [("jobs", "2".to_owned()), ("seed", String::new()), ("jobs", "3".to_owned())]);
    }

    #[test]
    fn only_variables_like_those_of_itest_count_as_misspelt() {
        let environment = environment(&[("ITEST_JOB", "3"), ("ITEST_POSTGRES_URL", "x"), ("ITEST_PROFILE", "ci")]);
        assert_eq!(environment.misspelt(), [("ITEST_JOB", "ITEST_JOBS".to_owned())]);
    }

    #[test]
    fn nextest_is_recognized_by_all_of_its_variables() {
        let full = [("NEXTEST", "1"), ("NEXTEST_RUN_ID", "r"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
        assert_eq!(environment(&full).nextest_run(), Some("r"));
        assert_eq!(environment(&full[..2]).nextest_run(), None);
        assert_eq!(environment(&full).nextest_attempt(), 1);
        assert_eq!(environment(&[("NEXTEST_ATTEMPT", "3")]).nextest_attempt(), 3);
    }
}
