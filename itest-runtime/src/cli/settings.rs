//! Every setting, defined once: its name on the command line, in the environment and in `itest.toml`, and its effect.

use super::defaults::base;
#[cfg(feature = "history")]
use super::history_settings::{HISTORY_KEEP, HISTORY_URL};
use super::schedule::SCHEDULE;
use super::setting::{Setting, Shape};
use super::values::{SettingValue, budget, duration, one_of, path, switch};
use crate::model::{
    Annotations, Capture, Color, Failed, Format, Isolation, Leaks, NoTests, QuarantinePolicy, Require, ShowOutput,
};
use crate::plan::TagExpression;

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
        let default = find(self.key).map(|setting| (setting.show)(&base()));
        // How many workers run by default is known only later, so no number is the default.
        self.key != "jobs" && self.value() == default
    }

    /// The value that the text stands for, however it is spelled; none where it means nothing.
    pub(super) fn value(&self) -> Option<SettingValue> {
        let setting = find(self.key)?;
        let defaults = base();
        let mut config = defaults.clone();
        setting.apply(&mut config, &self.text, &defaults).ok()?;
        Some((setting.show)(&config))
    }
}

/// Finds a setting by its key.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key)
}

// The words of settings that take one of a few.
/// The words of the setting.
const POLICIES: [(&str, QuarantinePolicy); 2] =
    [("apply", QuarantinePolicy::Apply), ("ignore", QuarantinePolicy::Ignore)];

const FORMATS: [(&str, Format); 4] = [
    ("pretty", Format::Pretty),
    ("terse", Format::Terse),
    ("json", Format::Json),
    ("libtest-json", Format::LibtestJson),
];

const NO_TESTS: [(&str, NoTests); 3] = [("auto", NoTests::Auto), ("fail", NoTests::Fail), ("pass", NoTests::Pass)];

const REQUIRE: [(&str, Require); 2] = [("nothing", Require::Nothing), ("all", Require::All)];

const LEAKS: [(&str, Leaks); 3] = [("ignore", Leaks::Ignore), ("warn", Leaks::Warn), ("fail", Leaks::Fail)];

const ANNOTATIONS: [(&str, Annotations); 3] =
    [("auto", Annotations::Auto), ("github", Annotations::Github), ("none", Annotations::Nothing)];

const COLORS: [(&str, Color); 3] = [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];

/// All settings, in the order in which help and `--print-config` show them.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SCHEDULE.iter().chain(BESIDE_THE_SCHEDULE)
}

static BESIDE_THE_SCHEDULE: &[Setting] = &[
    Setting {
        key: "timeout",
        shape: Shape::Value("DURATION"),
        help: "The budget of a test's body, unless the test has its own, such as 500ms or 2m [default: 60s]",
        set: |config, text| duration(text).map(|limit| config.limits.test = limit),
        show: |config| SettingValue::duration(config.limits.test),
    },
    Setting {
        key: "setup-timeout",
        shape: Shape::Value("DURATION"),
        help: "The budget of a test's fixtures together [default: 60s]",
        set: |config, text| duration(text).map(|limit| config.limits.setup = limit),
        show: |config| SettingValue::duration(config.limits.setup),
    },
    Setting {
        key: "teardown-timeout",
        shape: Shape::Value("DURATION"),
        help: "The budget of each step of teardown [default: 10s]",
        set: |config, text| duration(text).map(|limit| config.limits.teardown = limit),
        show: |config| SettingValue::duration(config.limits.teardown),
    },
    Setting {
        key: "slow",
        shape: Shape::Value("DURATION"),
        help: "Name a test that has been running for so long, while it runs [default: 10s]",
        set: |config, text| duration(text).map(|limit| config.slow = limit),
        show: |config| SettingValue::duration(config.slow),
    },
    Setting {
        key: "tag",
        shape: Shape::Value("EXPR"),
        help: "Run only tests whose tags satisfy an expression, such as 'payments & !slow'",
        set: |config, text| {
            if !text.is_empty() {
                TagExpression::parse(text).map_err(|error| error.to_string())?;
            }
            config.selection.tag = Some(text.to_owned()).filter(|text| !text.is_empty());
            Ok(())
        },
        show: |config| SettingValue::text(config.selection.tag.as_deref().unwrap_or_default()),
    },
    Setting {
        key: "no-tests",
        shape: Shape::Value("auto|fail|pass"),
        help: "What a selection that matches nothing means [default: auto, that is, exit code 4, but a notice where cargo runs several suites]",
        set: |config, text| one_of(text, &NO_TESTS).map(|no_tests| config.no_tests = no_tests),
        show: |config| SettingValue::word(&config.no_tests, &NO_TESTS),
    },
    Setting {
        key: "require",
        shape: Shape::Value("nothing|all"),
        help: "Whether a test that finds a service missing skips (nothing) or fails (all) [default: nothing]",
        set: |config, text| one_of(text, &REQUIRE).map(|require| config.require = require),
        show: |config| SettingValue::word(&config.require, &REQUIRE),
    },
    Setting {
        key: "leaks",
        shape: Shape::Value("ignore|warn|fail"),
        help: "What becomes of a test that leaves processes, threads, tasks, files or ports behind [default: warn]",
        set: |config, text| one_of(text, &LEAKS).map(|leaks| config.leaks = leaks),
        show: |config| SettingValue::word(&config.leaks, &LEAKS),
    },
    Setting {
        key: "keep-failed",
        shape: Shape::Switch,
        help: "Keep what failed tests have taken, to be looked at, and say how to give it back",
        set: |config, text| switch(text).map(|on| config.failed = if on { Failed::Keep } else { Failed::GiveBack }),
        show: |config| SettingValue::bare(config.failed == Failed::Keep),
    },
    Setting {
        key: "show-data",
        shape: Shape::Switch,
        help: "Show which rows of its databases a failed test added, changed and deleted",
        set: |config, text| switch(text).map(|on| config.show_data = on),
        show: |config| SettingValue::bare(config.show_data),
    },
    Setting {
        key: "budget",
        shape: Shape::Value("DURATION|N"),
        help: "How long --detect and --bisect may take, such as 30m, or how many executions [default: 10m]",
        set: |config, text| budget(text).map(|budget| config.budget = budget),
        show: |config| match config.budget.executions {
            Some(executions) => SettingValue::bare(executions),
            None => SettingValue::duration(config.budget.time.unwrap_or_default()),
        },
    },
    Setting {
        key: "quarantine",
        shape: Shape::Value("apply|ignore"),
        help: "Whether failures of tests under [[quarantine]] in itest.toml are told and do not count, or count [default: apply]",
        set: |config, text| one_of(text, &POLICIES).map(|quarantine| config.quarantine = quarantine),
        show: |config| SettingValue::word(&config.quarantine, &POLICIES),
    },
    Setting {
        key: "record",
        shape: Shape::Value("FILE"),
        help: "Write the record of the run to this file [default: target/itest/records]",
        set: |config, text| {
            config.record = path(text);
            Ok(())
        },
        show: |config| SettingValue::path(config.record.as_deref()),
    },
    Setting {
        key: "records",
        shape: Shape::Value("N"),
        help: "How many records are kept; 0 for none [default: 20]",
        set: |config, text| {
            let number = text.parse().map_err(|_| "expected a whole number, 0 for none".to_owned());
            number.map(|records| config.records = records)
        },
        show: |config| SettingValue::bare(config.records),
    },
    Setting {
        key: "annotations",
        shape: Shape::Value("auto|github|none"),
        help: "Annotate failures, flaky tests and leaks in GitHub's interface [default: auto, that is, on GitHub Actions]",
        set: |config, text| one_of(text, &ANNOTATIONS).map(|annotations| config.annotations = annotations),
        show: |config| SettingValue::word(&config.annotations, &ANNOTATIONS),
    },
    #[cfg(feature = "history")]
    HISTORY_URL,
    #[cfg(feature = "history")]
    HISTORY_KEEP,
    Setting {
        key: "ctrf",
        shape: Shape::Value("FILE"),
        help: "Write a report in the Common Test Report Format (ctrf.io) to this file",
        set: |config, text| {
            config.ctrf = path(text);
            Ok(())
        },
        show: |config| SettingValue::path(config.ctrf.as_deref()),
    },
    #[cfg(feature = "junit")]
    Setting {
        key: "junit",
        shape: Shape::Value("FILE"),
        help: "Write a JUnit report for a CI system to this file",
        set: |config, text| {
            config.junit = path(text);
            Ok(())
        },
        show: |config| SettingValue::path(config.junit.as_deref()),
    },
    #[cfg(feature = "tracing")]
    Setting {
        key: "log",
        shape: Shape::Value("FILTER"),
        help: "Which events of `tracing` are shown with a test, such as info,shop=debug [default: info]",
        set: |config, text| {
            crate::process::check_trace_filter(text)?;
            text.clone_into(&mut config.log);
            Ok(())
        },
        show: |config| SettingValue::text(config.log.as_str()),
    },
    Setting {
        key: "session-dir",
        shape: Shape::Value("DIR"),
        help: "Where the ledgers and sockets of runs are kept [default: target/itest/sessions, or the temp dir]",
        set: |config, text| {
            config.session.dir = path(text);
            Ok(())
        },
        show: |config| SettingValue::path(config.session.dir.as_deref()),
    },
    Setting {
        key: "no-capture",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| {
            switch(text).map(|on| config.capture = if on { Capture::Inherited } else { Capture::Captured })
        },
        show: |config| SettingValue::bare(config.capture == Capture::Inherited),
    },
    Setting {
        key: "show-output",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| {
            switch(text).map(|on| config.show_output = if on { ShowOutput::All } else { ShowOutput::Failures })
        },
        show: |config| SettingValue::bare(config.show_output == ShowOutput::All),
    },
    Setting {
        key: "format",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| one_of(text, &FORMATS).map(|format| config.format = format),
        show: |config| SettingValue::word(&config.format, &FORMATS),
    },
    Setting {
        key: "color",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| one_of(text, &COLORS).map(|color| config.color = color),
        show: |config| SettingValue::word(&config.color, &COLORS),
    },
    Setting {
        key: "report-time",
        shape: Shape::Switch,
        help: "End each test's line with its time",
        set: |config, text| switch(text).map(|on| config.report_time = on),
        show: |config| SettingValue::bare(config.report_time),
    },
    Setting {
        key: "in-process",
        shape: Shape::Switch,
        help: "Run the tests one by one on a thread of this process, for debuggers",
        set: |config, text| {
            switch(text).map(|on| config.isolation = if on { Isolation::InProcess } else { Isolation::Processes })
        },
        show: |config| SettingValue::bare(config.isolation == Isolation::InProcess),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_back_what_it_shows() {
        for setting in all() {
            let before = base();
            let shown = (setting.show)(&before);
            let mut after = before.clone();
            (setting.set)(&mut after, shown.as_text()).unwrap();
            assert_eq!(before, after, "{}", setting.key);
        }
    }

    #[test]
    fn a_bad_value_says_what_was_expected() {
        let complaint = |key, text| (find(key).unwrap().set)(&mut base(), text).unwrap_err();
        assert_eq!(complaint("jobs", "0"), "expected a whole number from 1");
        assert_eq!(
            complaint("order", "randm"),
            "expected random, declared, reverse, longest-first; did you mean `random`?"
        );
        assert!(complaint("timeout", "10").contains("with its unit"));
        assert!(complaint("seed", "banana").contains("expected a whole number"));
        assert!(complaint("tag", "a &").contains("column 4"));
        assert_eq!(complaint("in-process", "maybe"), "expected true or false");
    }
}
