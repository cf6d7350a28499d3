//! The environment, read once and in one place.

use std::ffi::OsString;
use std::num::NonZeroUsize;

use super::defaults::base;
use super::setting::Setting;
use super::settings::{GivenSetting, all, find};
use super::values::closest;
use crate::model::{Mark, UsageError};
use crate::process::NEXTEST_MARK;

/// Variables of the runtime that are not settings.
const OTHERS: [&str; 2] = ["ITEST_PROFILE", "ITEST_CONFIG"];

/// Variables of others and the settings that they stand for.
const FOREIGN: [(&str, &str); 5] = [
    ("RUST_LOG", "log"),
    ("RUST_TEST_THREADS", "jobs"),
    ("RUST_TEST_NOCAPTURE", "no-capture"),
    ("RUST_TEST_SHUFFLE", "order"),
    ("RUST_TEST_SHUFFLE_SEED", "seed"),
];

/// The variables that a run can depend on.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    variables: Vec<(String, String)>,
}

impl Environment {
    /// Reads the process's own.
    ///
    /// # Errors
    ///
    /// A variable of ours whose value is not text.
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

    /// These variables and no others.
    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        Self { variables: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    /// A variable that is set to something.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// A variable's value, which may be empty.
    fn value(&self, name: &str) -> Option<&str> {
        self.variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a variable says yes.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.find(name).is_some_and(|value| value != "0" && value != "false")
    }

    /// Settings that are given here. Ours come after libtest's and win.
    pub(super) fn settings(&self) -> Vec<GivenSetting> {
        let mut given = Vec::new();
        for (name, key) in FOREIGN {
            let Some(value) = self.find(name) else { continue };
            let value = match key {
                "order" | "no-capture" if !self.is_on(name) => continue,
                // It may be meant for somebody who understands more.
                "log" if !is_understood(key, value) => continue,
                "order" => "random",
                "no-capture" => "true",
                _ => value,
            };
            given.push(GivenSetting::new(key, format!("{name}={value}"), value));
        }
        if self.ours().next().is_none() {
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

    /// Variables that look like misspelt ones of ours, with the likely one.
    pub(super) fn misspelt(&self) -> Vec<(&str, String)> {
        if self.ours().next().is_none() {
            return Vec::new();
        }
        let others = OTHERS.into_iter().map(str::to_owned);
        let known: Vec<String> = all().map(Setting::variable).chain(others).collect();
        let unknown = self.ours().filter(|name| !known.iter().any(|known| known == name));
        unknown
            .filter_map(|name| {
                let rest = name.trim_start_matches("ITEST_");
                let likely = closest(rest, known.iter().map(|known| known.trim_start_matches("ITEST_")))?;
                Some((name, format!("ITEST_{likely}")))
            })
            .collect()
    }

    /// The names that begin as ours do; mostly there are none.
    fn ours(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("ITEST_"))
    }

    /// What all processes have in their environment that a test process of cargo-nextest starts, and no others.
    pub(super) fn nextest_mark(&self) -> Option<Mark> {
        self.find(NEXTEST_MARK).map(|attempt| Mark::new(NEXTEST_MARK, attempt))
    }

    /// Which attempt at a test cargo-nextest has this process make, counted from 1.
    pub(super) fn nextest_attempt(&self) -> u32 {
        self.find("NEXTEST_ATTEMPT").and_then(|attempt| attempt.parse().ok()).unwrap_or(1)
    }

    /// How many test processes cargo-nextest runs at a time, if it says so.
    pub(super) fn nextest_jobs(&self) -> Option<NonZeroUsize> {
        self.find("NEXTEST_TEST_THREADS").and_then(|threads| threads.parse().ok())
    }

    /// The id of the cargo-nextest run whose test process this is.
    pub(super) fn nextest_run(&self) -> Option<&str> {
        let process_per_test = self.find("NEXTEST_EXECUTION_MODE") == Some("process-per-test");
        self.find("NEXTEST_RUN_ID").filter(|_| self.is_on("NEXTEST") && process_per_test)
    }
}

/// Whether there is such a setting, and it takes this value.
fn is_understood(key: &str, value: &str) -> bool {
    find(key).is_some_and(|setting| setting.set(&mut base(), value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_pairs(pairs.iter().map(|(name, value)| (name.into(), value.into()))).unwrap()
    }

    #[test]
    fn our_variables_come_after_libtests() {
        let environment = environment(&[("ITEST_JOBS", "3"), ("RUST_TEST_THREADS", "2"), ("ITEST_SEED", "")]);
        let given: Vec<_> = environment.settings().into_iter().map(|given| (given.key, given.text)).collect();
        assert_eq!(given, [("jobs", "2".to_owned()), ("seed", String::new()), ("jobs", "3".to_owned())]);
    }

    #[test]
    fn a_misspelt_variable_is_noticed_and_a_foreign_one_is_not() {
        let environment = environment(&[("ITEST_JOB", "3"), ("ITEST_POSTGRES_URL", "x"), ("ITEST_PROFILE", "ci")]);
        assert_eq!(environment.misspelt(), [("ITEST_JOB", "ITEST_JOBS".to_owned())]);
    }

    #[test]
    fn nextest_is_recognized_by_its_contract() {
        let full = [("NEXTEST", "1"), ("NEXTEST_RUN_ID", "r"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
        assert_eq!(environment(&full).nextest_run(), Some("r"));
        assert_eq!(environment(&full[..2]).nextest_run(), None);
        assert_eq!(environment(&full).nextest_attempt(), 1);
        assert_eq!(environment(&[("NEXTEST_ATTEMPT", "3")]).nextest_attempt(), 3);
    }
}
