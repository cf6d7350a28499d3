//! The settings of who runs what, when and how often.

use std::num::{NonZeroU32, NonZeroUsize};

use super::setting::{Setting, Shape};
use super::values::{SettingValue, at_least_one, duration_or_zero, one_of, path, switch};
use crate::model::{FlakyResult, Order, RetryOn, ShardBy, Until};

// The words of settings that take one of a few.
const ORDERS: [(&str, Order); 4] = [
    ("random", Order::Random),
    ("declared", Order::Declared),
    ("reverse", Order::Reverse),
    ("longest-first", Order::LongestFirst),
];

const SHARD_BY: [(&str, ShardBy); 2] = [("hash", ShardBy::Hash), ("durations", ShardBy::Durations)];

const RETRY_ON: [(&str, RetryOn); 2] = [("any", RetryOn::Any), ("errored", RetryOn::Errored)];

const FLAKY_RESULT: [(&str, FlakyResult); 2] = [("pass", FlakyResult::Pass), ("fail", FlakyResult::Fail)];

/// These settings, in the order in which help and `--print-config` show them.
pub(super) static SCHEDULE: &[Setting] = &[
    Setting {
        key: "order",
        shape: Shape::Value("random|declared|reverse|longest-first"),
        help: "In which order tests are started [default: random]",
        set: |config, text| one_of(text, &ORDERS).map(|order| config.order = order),
        show: |config| SettingValue::word(&config.order, &ORDERS),
    },
    Setting {
        key: "seed",
        shape: Shape::Value("N"),
        help: "Fixes the random order and the tests' random data [default: a new one each time, printed]",
        set: |config, text| text.parse().map(|seed| config.seed = seed),
        show: |config| SettingValue::bare(config.seed),
    },
    Setting {
        key: "jobs",
        shape: Shape::Value("N"),
        help: "How many workers run tests at a time [default: one for each processor]",
        set: |config, text| at_least_one(text).map(|jobs| config.jobs = jobs),
        show: |config| SettingValue::bare(config.jobs),
    },
    Setting {
        key: "shard",
        shape: Shape::Value("I/N"),
        help: "Run part I of N, such as 2/5; auto/N asks the CI system for I; none runs all [default: as the CI system says]",
        set: |config, text| text.parse().map(|shard| config.shard = shard),
        show: |config| SettingValue::text(config.shard.to_string()),
    },
    Setting {
        key: "shard-by",
        shape: Shape::Value("hash|durations"),
        help: "Split by the tests' names, or so that all parts take equally long by the record of --durations [default: hash]",
        set: |config, text| one_of(text, &SHARD_BY).map(|by| config.shard_by = by),
        show: |config| SettingValue::word(&config.shard_by, &SHARD_BY),
    },
    Setting {
        key: "durations",
        shape: Shape::Value("RECORD"),
        help: "The record that says how long tests take [default: for --order longest-first the last ones]",
        set: |config, text| {
            config.durations = path(text);
            Ok(())
        },
        show: |config| SettingValue::path(config.durations.as_deref()),
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
        show: |config| config.fail_fast.map_or_else(|| SettingValue::bare(false), SettingValue::bare),
    },
    Setting {
        key: "retries",
        shape: Shape::Value("N"),
        help: "Give a failed test N more attempts, each in a fresh worker [default: 0]",
        set: |config, text| {
            let number = text.parse().map_err(|_| "expected a whole number, 0 for none".to_owned());
            number.map(|retries| config.retries = retries)
        },
        show: |config| SettingValue::bare(config.retries),
    },
    Setting {
        key: "retry-delay",
        shape: Shape::Value("DURATION"),
        help: "Wait so long before the second attempt, twice as long before each later one, a minute at most [default: 0s]",
        set: |config, text| duration_or_zero(text).map(|delay| config.retry_delay = delay.unwrap_or_default()),
        show: |config| SettingValue::duration(config.retry_delay),
    },
    Setting {
        key: "retry-on",
        shape: Shape::Value("any|errored"),
        help: "Which failures are tried again: all, or only those of the environment [default: any]",
        set: |config, text| one_of(text, &RETRY_ON).map(|retry_on| config.retry_on = retry_on),
        show: |config| SettingValue::word(&config.retry_on, &RETRY_ON),
    },
    Setting {
        key: "flaky-result",
        shape: Shape::Value("pass|fail"),
        help: "What a test means for the run that passed only in a later attempt [default: pass]",
        set: |config, text| one_of(text, &FLAKY_RESULT).map(|flaky| config.flaky_result = flaky),
        show: |config| SettingValue::word(&config.flaky_result, &FLAKY_RESULT),
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
        show: |config| SettingValue::bare(config.repeats.rounds.unwrap_or(NonZeroU32::MIN)),
    },
    Setting {
        key: "until-fail",
        shape: Shape::Switch,
        help: "Repeat everything until a test fails",
        set: |config, text| switch(text).map(|on| config.repeats.until = on.then_some(Until::Failure)),
        show: |config| SettingValue::bare(config.repeats.until.is_some()),
    },
    Setting {
        key: "for",
        shape: Shape::Value("DURATION"),
        help: "Repeat everything for so long, such as 10m",
        set: |config, text| duration_or_zero(text).map(|lasting| config.repeats.lasting = lasting),
        show: |config| SettingValue::duration(config.repeats.lasting.unwrap_or_default()),
    },
    Setting {
        key: "last-failed",
        shape: Shape::Switch,
        help: "Run only the tests that failed when they last ran; all of them, if there are none",
        set: |config, text| switch(text).map(|on| config.recall.only_failed = on),
        show: |config| SettingValue::bare(config.recall.only_failed),
    },
    Setting {
        key: "failed-first",
        shape: Shape::Switch,
        help: "Run the tests first that failed when they last ran; with --last-failed, only these run",
        set: |config, text| switch(text).map(|on| config.recall.failed_first = on),
        show: |config| SettingValue::bare(config.recall.failed_first),
    },
];
