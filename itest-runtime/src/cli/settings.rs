//! Every setting, defined once: its name on the command line, in the environment and in `itest.toml`, and its effect.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::{
    Budget, Capture, Color, Failed, FlakyResult, Format, Isolation, Leaks, NoTests, Order, Recall, Require, RetryOn,
    RunConfig, ShowOutput, Until,
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
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}

/// All settings, in the order in which help and `--print-config` show them.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        key: "order",
        shape: Shape::Value("random|declared|reverse"),
        help: "In which order tests are started [default: random]",
        set: |config, text| {
            let words = [("random", Order::Random), ("declared", Order::Declared), ("reverse", Order::Reverse)];
            one_of(text, &words).map(|order| config.order = order)
        },
        show: |config| quoted(&format!("{:?}", config.order).to_lowercase()),
    },
    Setting {
        key: "seed",
        shape: Shape::Value("N"),
        help: "Fixes the random order and the tests' random data [default: a new one each time, printed]",
        set: |config, text| text.parse().map(|seed| config.seed = seed),
        show: |config| config.seed.to_string(),
    },
    Setting {
        key: "jobs",
        shape: Shape::Value("N"),
        help: "How many workers run tests at a time [default: one for each processor]",
        set: |config, text| at_least_one(text).map(|jobs| config.jobs = jobs),
        show: |config| config.jobs.to_string(),
    },
    Setting {
        key: "fail-fast",
        shape: Shape::Optional("N", "1"),
        help: "Start no more tests after N failures [default: run them all; without N: 1]",
        set: |config, text| match text {
            "false" => {
                config.fail_fast = None;
                Ok(())
            }
            "true" => {
                config.fail_fast = Some(NonZeroUsize::MIN);
                Ok(())
            }
            number => at_least_one(number).map(|limit| config.fail_fast = Some(limit)),
        },
        show: |config| config.fail_fast.map_or_else(|| "false".to_owned(), |limit| limit.to_string()),
    },
    Setting {
        key: "retries",
        shape: Shape::Value("N"),
        help: "Give a failed test N more attempts, each in a fresh worker [default: 0]",
        set: |config, text| {
            let number = text.parse().map_err(|_| "expected a whole number, 0 for none".to_owned());
            number.map(|retries| config.retries = retries)
        },
        show: |config| config.retries.to_string(),
    },
    Setting {
        key: "retry-on",
        shape: Shape::Value("any|errored"),
        help: "Which failures are tried again: all, or only those of the environment [default: any]",
        set: |config, text| {
            let words = [("any", RetryOn::Any), ("errored", RetryOn::Errored)];
            one_of(text, &words).map(|retry_on| config.retry_on = retry_on)
        },
        show: |config| quoted(&format!("{:?}", config.retry_on).to_lowercase()),
    },
    Setting {
        key: "flaky-result",
        shape: Shape::Value("pass|fail"),
        help: "What a test means for the run that passed only in a later attempt [default: pass]",
        set: |config, text| {
            let words = [("pass", FlakyResult::Pass), ("fail", FlakyResult::Fail)];
            one_of(text, &words).map(|flaky| config.flaky_result = flaky)
        },
        show: |config| quoted(&format!("{:?}", config.flaky_result).to_lowercase()),
    },
    Setting {
        key: "repeat",
        shape: Shape::Value("N"),
        help: "Run everything N times, each round in an order of its own, rounds side by side [default: 1]",
        set: |config, text| {
            let rounds: NonZeroU32 = text.parse().map_err(|_| "expected a whole number from 1".to_owned())?;
            // Once is what happens anyway.
            config.repeats.rounds = Some(rounds).filter(|rounds| *rounds > NonZeroU32::MIN);
            Ok(())
        },
        show: |config| config.repeats.rounds.map_or_else(|| "1".to_owned(), |rounds| rounds.to_string()),
    },
    Setting {
        key: "until-fail",
        shape: Shape::Switch,
        help: "Repeat everything until a test fails",
        set: |config, text| switch(text).map(|on| config.repeats.until = on.then_some(Until::Failure)),
        show: |config| config.repeats.until.is_some().to_string(),
    },
    Setting {
        key: "for",
        shape: Shape::Value("DURATION"),
        help: "Repeat everything for so long, such as 10m",
        set: |config, text| match text {
            "0s" => {
                config.repeats.lasting = None;
                Ok(())
            }
            text => duration(text).map(|lasting| config.repeats.lasting = Some(lasting)),
        },
        show: |config| shown_duration(config.repeats.lasting.unwrap_or_default()),
    },
    Setting {
        key: "last-failed",
        shape: Shape::Switch,
        help: "Run only the tests that failed when they last ran; all of them, if there are none",
        set: |config, text| {
            switch(text).map(|on| config.recall = if on { Recall::OnlyFailed } else { Recall::Nothing })
        },
        show: |config| (config.recall == Recall::OnlyFailed).to_string(),
    },
    Setting {
        key: "failed-first",
        shape: Shape::Switch,
        help: "Run the tests first that failed when they last ran",
        set: |config, text| {
            let other = config.recall;
            switch(text).map(|on| config.recall = if on { Recall::FailedFirst } else { other })
        },
        show: |config| (config.recall == Recall::FailedFirst).to_string(),
    },
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
        key: "budget",
        shape: Shape::Value("DURATION|N"),
        help: "How long --detect and --bisect may take, such as 30m, or how many executions [default: 10m]",
        set: |config, text| budget(text).map(|budget| config.budget = budget),
        show: |config| match config.budget.executions {
            Some(executions) => executions.to_string(),
            None => shown_duration(config.budget.time.unwrap_or_default()),
        },
    },
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
        set: |config, text| {
            let words = [("pretty", Format::Pretty), ("terse", Format::Terse), ("json", Format::Json)];
            one_of(text, &words).map(|format| config.format = format)
        },
        show: |config| quoted(&format!("{:?}", config.format).to_lowercase()),
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

fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let hint =
            closest(text, words.iter().copied()).map_or_else(String::new, |word| format!("; did you mean `{word}`?"));
        format!("expected {}{hint}", words.join(", "))
    })
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number from 1".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok().filter(|duration| !duration.is_zero());
    parsed.ok_or_else(|| "expected a length of time with its unit, such as 500ms, 10s or 2m".to_owned())
}

fn budget(text: &str) -> Result<Budget, String> {
    if let Ok(executions) = text.parse::<NonZeroUsize>() {
        return Ok(Budget { time: None, executions: Some(executions.get()) });
    }
    let time = duration(text).map_err(|_| {
        "expected a length of time with its unit, such as 30m, or a number of executions from 1".to_owned()
    })?;
    Ok(Budget { time: Some(time), executions: None })
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn shown_path(path: Option<&Path>) -> String {
    quoted(&path.unwrap_or(Path::new("")).to_string_lossy())
}

fn shown_duration(duration: Duration) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::defaults::base;

    #[test]
    fn every_setting_takes_back_what_it_shows() {
        for setting in SETTINGS.iter().filter(|setting| setting.key != "tag") {
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
        assert_eq!(complaint("order", "randm"), "expected random, declared, reverse; did you mean `random`?");
        assert!(complaint("timeout", "10").contains("with its unit"));
        assert!(complaint("seed", "banana").contains("expected a whole number"));
        assert!(complaint("tag", "a &").contains("column 4"));
        assert_eq!(complaint("in-process", "maybe"), "expected true or false");
    }
}
