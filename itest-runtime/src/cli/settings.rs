//! Every setting, defined once: its name on the command line, in the environment and in `itest.toml`, and its effect.

use std::sync::LazyLock;

use super::defaults::base;
use super::mode::ModeKind;
use super::reporting::REPORTING;
use super::schedule::SCHEDULE;
use super::setting::{Access, Exclusion, Scope, Setting, Shape};
use super::values::{SettingValue, budget, duration, duration_or_zero, one_of, path, switch};
use crate::inject::{FixtureSetting, SettingShape};
use crate::model::{Failed, Isolation, Leaks, NoTests, QuarantinePolicy, Require};
use crate::plan::TagExpression;
use crate::report::FILE_REPORTS;

/// The value of a setting as one layer gives it: the command line, the environment or `itest.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenSetting {
    /// The setting's key.
    pub(super) key: &'static str,
    /// The flag as the user wrote it, the variable and its value, or the file and the line.
    pub(super) place: String,
    /// The value; an empty one stands for the default.
    pub(super) text: String,
}

impl GivenSetting {
    /// A value and its place.
    pub(super) fn new(key: &'static str, place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key, place: place.into(), text: text.into() }
    }

    /// Whether the text stands for the setting's default, so that it asks for nothing.
    pub(super) fn is_default(&self) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let default = find(self.key).map(|setting| setting.show(&base()));
        // How many workers run by default is known only later, so no number is the default.
        self.key != "jobs" && self.value() == default
    }

    /// The parsed value. Two spellings of one value are equal. None if the text is invalid.
    pub(super) fn value(&self) -> Option<SettingValue> {
        let setting = find(self.key)?;
        let defaults = base();
        let mut config = defaults.clone();
        setting.apply(&mut config, &self.text, &defaults).ok()?;
        Some(setting.show(&config))
    }
}

/// Finds a setting by its key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key)
}

// The values of settings that accept one of a few words.
const POLICIES: [(&str, QuarantinePolicy); 2] =
    [("apply", QuarantinePolicy::Apply), ("ignore", QuarantinePolicy::Ignore)];

const NO_TESTS: [(&str, NoTests); 3] = [("auto", NoTests::Auto), ("fail", NoTests::Fail), ("pass", NoTests::Pass)];

const REQUIRE: [(&str, Require); 2] = [("nothing", Require::Nothing), ("all", Require::All)];

const LEAKS: [(&str, Leaks); 3] = [("ignore", Leaks::Ignore), ("warn", Leaks::Warn), ("fail", Leaks::Fail)];

/// All settings, in the order in which help and `--print-config` show them.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SCHEDULE.iter().chain(EXECUTION).chain(REPORTING).chain(OF_REPORTS.iter()).chain(OF_FIXTURES.iter())
}

/// The paths of report files.
static OF_REPORTS: LazyLock<Vec<Setting>> = LazyLock::new(|| FILE_REPORTS.iter().map(Setting::of_report).collect());

/// The settings that the fixtures of this binary declare.
pub(super) static OF_FIXTURES: LazyLock<Vec<Setting>> =
    LazyLock::new(|| FixtureSetting::all().into_iter().map(Setting::of_fixture).collect());

// This setting belongs to the fixtures of all databases.
inventory::submit! {
    FixtureSetting {
        key: "show-data",
        shape: SettingShape::Switch,
        help: "Show which rows of its databases a failed test added, changed and deleted",
        default_text: "",
    }
}

/// The settings of time limits, selection, isolation and results.
static EXECUTION: &[Setting] = &[
    Setting {
        key: "timeout",
        shape: Shape::Value("DURATION"),
        help: "The time limit of a test's body, such as 500ms or 2m; a test's own timeout has priority",
        scope: Scope::Test,
        access: Access::Run {
            set: |config, text| duration(text).map(|limit| config.limits.test = limit),
            show: |config| SettingValue::duration(config.limits.test),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "setup-timeout",
        shape: Shape::Value("DURATION"),
        help: "The time limit of a test's setup, for all fixtures together",
        scope: Scope::Test,
        access: Access::Run {
            set: |config, text| duration(text).map(|limit| config.limits.setup = limit),
            show: |config| SettingValue::duration(config.limits.setup),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "teardown-timeout",
        shape: Shape::Value("DURATION"),
        help: "The time limit of each teardown step",
        scope: Scope::Test,
        access: Access::Run {
            set: |config, text| duration(text).map(|limit| config.limits.teardown = limit),
            show: |config| SettingValue::duration(config.limits.teardown),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "slow",
        shape: Shape::Value("DURATION"),
        help: "Report a running test as slow after this time",
        access: Access::Run {
            set: |config, text| duration(text).map(|limit| config.slow = limit),
            show: |config| SettingValue::duration(config.slow),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "tag",
        shape: Shape::Value("EXPR"),
        help: "Run only tests whose tags satisfy an expression, such as 'payments & !slow'",
        without_effect_in: &[ModeKind::Report],
        access: Access::Run {
            set: |config, text| {
                if !text.is_empty() {
                    TagExpression::parse(text).map_err(|error| error.to_string())?;
                }
                config.selection.tag = Some(text.to_owned()).filter(|text| !text.is_empty());
                Ok(())
            },
            show: |config| SettingValue::text(config.selection.tag.as_deref().unwrap_or_default()),
        },
        ..Setting::PLAIN
    },
    #[cfg(feature = "coverage")]
    super::coverage_settings::COVERS,
    Setting {
        key: "no-tests",
        shape: Shape::Value("auto|fail|pass"),
        help: "The result of a selection that matches no test",
        default: Some("auto: exit code 4, but only a notice if cargo runs several suites"),
        access: Access::Run {
            set: |config, text| one_of(text, &NO_TESTS).map(|no_tests| config.no_tests = no_tests),
            show: |config| SettingValue::word(&config.no_tests, &NO_TESTS),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "require",
        shape: Shape::Value("nothing|all"),
        help: "Whether a test whose service is missing is skipped (nothing) or fails (all)",
        scope: Scope::Test,
        access: Access::Run {
            set: |config, text| one_of(text, &REQUIRE).map(|require| config.require = require),
            show: |config| SettingValue::word(&config.require, &REQUIRE),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "leaks",
        shape: Shape::Value("ignore|warn|fail"),
        help: "Whether processes, threads, tasks, files and ports that a test leaves behind are ignored, reported or fail it",
        without_effect_in: &[ModeKind::Faults],
        access: Access::Run {
            set: |config, text| one_of(text, &LEAKS).map(|leaks| config.leaks = leaks),
            show: |config| SettingValue::word(&config.leaks, &LEAKS),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "keep-failed",
        shape: Shape::Switch,
        help: "Keep the resources of failed tests for inspection, and print how to give them back",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| switch(text).map(|on| config.failed = if on { Failed::Keep } else { Failed::GiveBack }),
            show: |config| SettingValue::bare(config.failed == Failed::Keep),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "budget",
        shape: Shape::Value("DURATION|N"),
        help: "The limit of --detect, --bisect and --faults: a time such as 30m, or a number of test executions",
        access: Access::Run {
            set: |config, text| budget(text).map(|budget| config.budget = budget),
            show: |config| match config.budget.executions {
                Some(executions) => SettingValue::bare(executions),
                None => SettingValue::duration(config.budget.time.unwrap_or_default()),
            },
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "quarantine",
        shape: Shape::Value("apply|ignore"),
        help: "Whether failures of tests under [[quarantine]] in itest.toml are only reported (apply) or fail the run (ignore)",
        access: Access::Run {
            set: |config, text| one_of(text, &POLICIES).map(|quarantine| config.quarantine = quarantine),
            show: |config| SettingValue::word(&config.quarantine, &POLICIES),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "session-dir",
        shape: Shape::Value("DIR"),
        help: "The folder for the ledgers and sockets of runs",
        default: Some("target/itest/sessions, or the temporary directory"),
        access: Access::Run {
            set: |config, text| {
                config.session.dir = path(text);
                Ok(())
            },
            show: |config| SettingValue::path(config.session.dir.as_deref()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "keep-services",
        shape: Shape::Value("DURATION"),
        help: "Keep the servers that are slow to start for this time after a run, so that the next run finds them; refused in CI",
        default: Some("all servers end with the run"),
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| duration_or_zero(text).map(|keep| config.session.keep_services = keep),
            show: |config| SettingValue::duration(config.session.keep_services.unwrap_or_default()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "in-process",
        shape: Shape::Switch,
        help: "Run the tests one by one in a thread of this process, for debuggers",
        scope: Scope::Test,
        excludes: &WITHOUT_WORKERS,
        access: Access::Run {
            set: |config, text| {
                switch(text).map(|on| config.isolation = if on { Isolation::InProcess } else { Isolation::Processes })
            },
            show: |config| SettingValue::bare(config.isolation == Isolation::InProcess),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "wrapper",
        shape: Shape::Value("COMMAND"),
        help: "Run the tests one by one and without time limits in a process that this command starts, such as 'gdb --args' or 'strace -f'",
        without_effect_in: ModeKind::SEARCHES,
        excludes: &WITHOUT_WORKERS,
        access: Access::Run {
            set: |config, text| {
                config.wrapper = Some(text.to_owned()).filter(|text| !text.is_empty());
                Ok(())
            },
            show: |config| SettingValue::text(config.wrapper.clone().unwrap_or_default()),
        },
        ..Setting::PLAIN
    },
];

/// What a process that runs the tests itself, without workers, cannot do.
const WITHOUT_WORKERS: [Exclusion; 2] = [
    Exclusion { other: "jobs", allowed: "1", reason: ", which runs one test at a time; give one of them" },
    Exclusion {
        other: "keep-failed",
        allowed: "false",
        reason: ": the resources of a failed test can only be kept by a process of its own",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_accepts_the_value_that_it_shows() {
        for setting in all() {
            let before = base();
            let shown = setting.show(&before);
            let mut after = before.clone();
            setting.set(&mut after, shown.as_text()).unwrap();
            assert_eq!(before, after, "{}", setting.key);
        }
    }

    #[test]
    fn error_about_a_value_names_the_expected_values() {
        let error = |key, text| find(key).unwrap().set(&mut base(), text).unwrap_err();
        assert_eq!(error("jobs", "0"), "expected a whole number from 1");
        assert_eq!(
            error("order", "randm"),
            "expected random, declared, reverse, longest-first; did you mean `random`?"
        );
        assert!(error("timeout", "10").contains("with its unit"));
        assert!(error("seed", "banana").contains("expected a whole number"));
        assert!(error("tag", "a &").contains("column 4"));
        assert_eq!(error("in-process", "maybe"), "expected true or false");
    }
}
