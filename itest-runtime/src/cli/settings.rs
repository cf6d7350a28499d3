//! Every setting, defined once: its name on the command line, in the environment and in `itest.toml`, and its effect.

#[cfg(feature = "history")]
use super::history::{HISTORY_KEEP, HISTORY_URL};
use super::quarantine::QUARANTINE;
use super::schedule::SCHEDULE;
use super::values::{budget, duration, one_of, path, quoted, shown_duration, shown_path, switch};
use crate::model::{
    Annotations, Capture, Color, Failed, Format, Isolation, Leaks, NoTests, Require, RunConfig, ShowOutput,
};
use crate::plan::TagExpression;

/// How a setting looks on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `--key VALUE`
    Value(&'static str),
    /// `--key[=VALUE]`, and the value that stands for none.
    Optional(&'static str, &'static str),
    /// `--key`, or `--key=false` to take it back.
    Switch,
    /// libtest-mimic's own argument; it is read by the contract.
    Inherited,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// `fail-fast`: the flag and the key; the variable is `ITEST_FAIL_FAST`.
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    pub(super) help: &'static str,
    /// Takes the text of a value, or says what was expected.
    pub(super) set: fn(&mut RunConfig, &str) -> Result<(), String>,
    /// The value as TOML.
    pub(super) show: fn(&RunConfig) -> String,
}

impl Setting {
    /// The setting's variable.
    pub(super) fn variable(&self) -> String {
        format!("ITEST_{}", self.key.replace('-', "_").to_uppercase())
    }

    /// Finds a setting by its key.
    pub(super) fn find(key: &str) -> Option<&'static Self> {
        all().find(|setting| setting.key == key)
    }
}

/// The report's shapes.
const FORMATS: [(&str, Format); 4] = [
    ("pretty", Format::Pretty),
    ("terse", Format::Terse),
    ("json", Format::Json),
    ("libtest-json", Format::LibtestJson),
];

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
        show: |config| shown_duration(config.limits.test),
    },
    Setting {
        key: "setup-timeout",
        shape: Shape::Value("DURATION"),
        help: "The budget of a test's fixtures together [default: 60s]",
        set: |config, text| duration(text).map(|limit| config.limits.setup = limit),
        show: |config| shown_duration(config.limits.setup),
    },
    Setting {
        key: "teardown-timeout",
        shape: Shape::Value("DURATION"),
        help: "The budget of each step of teardown [default: 10s]",
        set: |config, text| duration(text).map(|limit| config.limits.teardown = limit),
        show: |config| shown_duration(config.limits.teardown),
    },
    Setting {
        key: "slow",
        shape: Shape::Value("DURATION"),
        help: "Name a test that has been running for so long, while it runs [default: 10s]",
        set: |config, text| duration(text).map(|limit| config.slow = limit),
        show: |config| shown_duration(config.slow),
    },
    Setting {
        key: "tag",
        shape: Shape::Value("EXPR"),
        help: "Run only tests whose tags satisfy an expression, such as 'payments & !slow'",
        set: |config, text| {
            TagExpression::parse(text).map_err(|error| error.to_string())?;
            config.selection.tag = Some(text.to_owned());
            Ok(())
        },
        show: |config| config.selection.tag.as_deref().map_or_else(String::new, quoted),
    },
    Setting {
        key: "no-tests",
        shape: Shape::Value("fail|pass"),
        help: "What a filter that matches nothing means [default: fail]",
        set: |config, text| {
            let words = [("fail", NoTests::Fail), ("pass", NoTests::Pass)];
            one_of(text, &words).map(|no_tests| config.no_tests = no_tests)
        },
        show: |config| quoted(&format!("{:?}", config.no_tests).to_lowercase()),
    },
    Setting {
        key: "require",
        shape: Shape::Value("nothing|all"),
        help: "Whether a test that finds a service missing skips (nothing) or fails (all) [default: nothing]",
        set: |config, text| {
            let words = [("nothing", Require::Nothing), ("all", Require::All)];
            one_of(text, &words).map(|require| config.require = require)
        },
        show: |config| quoted(&format!("{:?}", config.require).to_lowercase()),
    },
    Setting {
        key: "leaks",
        shape: Shape::Value("ignore|warn|fail"),
        help: "What becomes of a test that leaves processes, threads, tasks, files or ports behind [default: warn]",
        set: |config, text| {
            let words = [("ignore", Leaks::Ignore), ("warn", Leaks::Warn), ("fail", Leaks::Fail)];
            one_of(text, &words).map(|leaks| config.leaks = leaks)
        },
        show: |config| quoted(&format!("{:?}", config.leaks).to_lowercase()),
    },
    Setting {
        key: "keep-failed",
        shape: Shape::Switch,
        help: "Keep what failed tests have taken, to be looked at, and say how to give it back",
        set: |config, text| switch(text).map(|on| config.failed = if on { Failed::Keep } else { Failed::GiveBack }),
        show: |config| (config.failed == Failed::Keep).to_string(),
    },
    Setting {
        key: "show-data",
        shape: Shape::Switch,
        help: "Show which rows of its databases a failed test added, changed and deleted",
        set: |config, text| switch(text).map(|on| config.show_data = on),
        show: |config| config.show_data.to_string(),
    },
    Setting {
        key: "budget",
        shape: Shape::Value("DURATION|N"),
        help: "How long --detect and --bisect may take, such as 30m, or how many executions [default: 10m]",
        set: |config, text| budget(text).map(|budget| config.budget = budget),
        show: |config| match config.budget.executions {
            Some(executions) => executions.to_string(),
            None => shown_duration(config.budget.time.unwrap_or_default()),
        },
    },
    QUARANTINE,
    Setting {
        key: "record",
        shape: Shape::Value("FILE"),
        help: "Write the record of the run to this file [default: target/itest/records]",
        set: |config, text| {
            config.record = path(text);
            Ok(())
        },
        show: |config| shown_path(config.record.as_deref()),
    },
    Setting {
        key: "records",
        shape: Shape::Value("N"),
        help: "How many records are kept; 0 for none [default: 20]",
        set: |config, text| {
            let number = text.parse().map_err(|_| "expected a whole number, 0 for none".to_owned());
            number.map(|records| config.records = records)
        },
        show: |config| config.records.to_string(),
    },
    Setting {
        key: "annotations",
        shape: Shape::Value("auto|github|none"),
        help: "Annotate failures, flaky tests and leaks in GitHub's interface [default: auto, that is, on GitHub Actions]",
        set: |config, text| {
            let words = [("auto", Annotations::Auto), ("github", Annotations::Github), ("none", Annotations::Nothing)];
            one_of(text, &words).map(|annotations| config.annotations = annotations)
        },
        show: |config| {
            quoted(match config.annotations {
                Annotations::Auto => "auto",
                Annotations::Github => "github",
                Annotations::Nothing => "none",
            })
        },
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
        show: |config| shown_path(config.ctrf.as_deref()),
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
        show: |config| shown_path(config.junit.as_deref()),
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
        show: |config| quoted(&config.log),
    },
    Setting {
        key: "session-dir",
        shape: Shape::Value("DIR"),
        help: "Where the ledgers and sockets of runs are kept [default: target/itest/sessions, or the temp dir]",
        set: |config, text| {
            config.session.dir = path(text);
            Ok(())
        },
        show: |config| shown_path(config.session.dir.as_deref()),
    },
    Setting {
        key: "no-capture",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| {
            switch(text).map(|on| config.capture = if on { Capture::Inherited } else { Capture::Captured })
        },
        show: |config| (config.capture == Capture::Inherited).to_string(),
    },
    Setting {
        key: "show-output",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| {
            switch(text).map(|on| config.show_output = if on { ShowOutput::All } else { ShowOutput::Failures })
        },
        show: |config| (config.show_output == ShowOutput::All).to_string(),
    },
    Setting {
        key: "format",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| one_of(text, &FORMATS).map(|format| config.format = format),
        show: |config| {
            let word = FORMATS.iter().find(|(_, format)| *format == config.format);
            quoted(word.map_or("pretty", |(word, _)| word))
        },
    },
    Setting {
        key: "color",
        shape: Shape::Inherited,
        help: "",
        set: |config, text| {
            let words = [("auto", Color::Auto), ("always", Color::Always), ("never", Color::Never)];
            one_of(text, &words).map(|color| config.color = color)
        },
        show: |config| quoted(&format!("{:?}", config.color).to_lowercase()),
    },
    Setting {
        key: "report-time",
        shape: Shape::Switch,
        help: "End each test's line with its time",
        set: |config, text| switch(text).map(|on| config.report_time = on),
        show: |config| config.report_time.to_string(),
    },
    Setting {
        key: "in-process",
        shape: Shape::Switch,
        help: "Run the tests one by one on a thread of this process, for debuggers",
        set: |config, text| {
            switch(text).map(|on| config.isolation = if on { Isolation::InProcess } else { Isolation::Processes })
        },
        show: |config| (config.isolation == Isolation::InProcess).to_string(),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::defaults::base;

    #[test]
    fn every_setting_takes_back_what_it_shows() {
        for setting in all().filter(|setting| setting.key != "tag") {
            let before = base();
            let shown = (setting.show)(&before);
            let mut after = before.clone();
            (setting.set)(&mut after, shown.trim_matches('"')).unwrap();
            assert_eq!(before, after, "{}", setting.key);
        }
    }

    #[test]
    fn a_bad_value_says_what_was_expected() {
        let complaint = |key, text| (Setting::find(key).unwrap().set)(&mut base(), text).unwrap_err();
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
