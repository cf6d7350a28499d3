//! The settings of the order, the workers, the shards and the repetitions of a run.

use std::num::{NonZeroU32, NonZeroUsize};

use super::mode::ModeKind;
use super::setting::{Access, Setting, Shape};
use super::values::{SettingValue, at_least_one, duration_or_zero, one_of, path, switch};
use crate::model::{FlakyResult, Order, RetryOn, ShardBy, Until};

// The values of settings that accept one of a few words.
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
        help: "The order in which tests start",
        without_effect_in: ModeKind::SCRIPTS_AND_SEARCHES,
        access: Access::Run {
            set: |config, text| one_of(text, &ORDERS).map(|order| config.order = order),
            show: |config| SettingValue::word(&config.order, &ORDERS),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "seed",
        shape: Shape::Value("N"),
        help: "The seed of the random order and of the tests' random data",
        default: Some("a new one for each run, which is printed"),
        access: Access::Run {
            set: |config, text| text.parse().map(|seed| config.seed = seed),
            show: |config| SettingValue::bare(config.seed),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "jobs",
        shape: Shape::Value("N"),
        help: "The number of workers that run tests at the same time",
        default: Some("one for each processor"),
        without_effect_in: &[ModeKind::Lanes, ModeKind::Replay],
        access: Access::Run {
            set: |config, text| at_least_one(text).map(|jobs| config.jobs = jobs),
            show: |config| SettingValue::bare(config.jobs),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "shard",
        shape: Shape::Value("I/N"),
        help: "Run shard I of N, such as 2/5; auto/N takes I from the CI system; none runs all tests",
        default: Some("the variables of the CI system"),
        without_effect_in: ModeKind::SCRIPTS_AND_SEARCHES,
        access: Access::Run {
            set: |config, text| text.parse().map(|shard| config.shard = shard),
            show: |config| SettingValue::text(config.shard.to_string()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "shard-by",
        shape: Shape::Value("hash|durations"),
        help: "Split by the tests' names, or so that all shards take equally long according to the record of --durations",
        access: Access::Run {
            set: |config, text| one_of(text, &SHARD_BY).map(|by| config.shard_by = by),
            show: |config| SettingValue::word(&config.shard_by, &SHARD_BY),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "durations",
        shape: Shape::Value("RECORD"),
        help: "The record with the past durations of tests",
        default: Some("for --order longest-first, the last records"),
        access: Access::Run {
            set: |config, text| {
                config.durations = path(text);
                Ok(())
            },
            show: |config| SettingValue::path(config.durations.as_deref()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "fail-fast",
        shape: Shape::Optional("N", "1"),
        help: "Start no more tests after N failures",
        default: Some("run all tests; --fail-fast alone means 1"),
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
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
        ..Setting::PLAIN
    },
    Setting {
        key: "retries",
        shape: Shape::Value("N"),
        help: "Give a failed test N more attempts, each in a fresh worker",
        without_effect_in: &[ModeKind::Lanes, ModeKind::Detect, ModeKind::Faults, ModeKind::Bisect],
        access: Access::Run {
            set: |config, text| {
                let number = text.parse().map_err(|_| "expected a whole number, 0 for none".to_owned());
                number.map(|retries| config.retries = retries)
            },
            show: |config| SettingValue::bare(config.retries),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "retry-delay",
        shape: Shape::Value("DURATION"),
        help: "The pause before the second attempt; it doubles before each later one, up to one minute",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| duration_or_zero(text).map(|delay| config.retry_delay = delay.unwrap_or_default()),
            show: |config| SettingValue::duration(config.retry_delay),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "retry-on",
        shape: Shape::Value("any|errored"),
        help: "Which failures are retried: all (any), or only those of the environment (errored)",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| one_of(text, &RETRY_ON).map(|retry_on| config.retry_on = retry_on),
            show: |config| SettingValue::word(&config.retry_on, &RETRY_ON),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "flaky-result",
        shape: Shape::Value("pass|fail"),
        help: "The result of a test that passed only after another attempt",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| one_of(text, &FLAKY_RESULT).map(|flaky| config.flaky_result = flaky),
            show: |config| SettingValue::word(&config.flaky_result, &FLAKY_RESULT),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "repeat",
        shape: Shape::Value("N"),
        help: "Run all tests N times, each round in its own order; rounds may overlap",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| {
                let rounds: NonZeroU32 = text.parse().map_err(|_| "expected a whole number from 1".to_owned())?;
                // One round is the same as no repetition.
                config.repeats.rounds = Some(rounds).filter(|rounds| *rounds > NonZeroU32::MIN);
                Ok(())
            },
            show: |config| SettingValue::bare(config.repeats.rounds.unwrap_or(NonZeroU32::MIN)),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "until-fail",
        shape: Shape::Switch,
        help: "Repeat all tests until one fails",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| switch(text).map(|on| config.repeats.until = on.then_some(Until::Failure)),
            show: |config| SettingValue::bare(config.repeats.until.is_some()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "for",
        shape: Shape::Value("DURATION"),
        help: "Repeat all tests for this time, such as 10m",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| duration_or_zero(text).map(|lasting| config.repeats.lasting = lasting),
            show: |config| SettingValue::duration(config.repeats.lasting.unwrap_or_default()),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "last-failed",
        shape: Shape::Switch,
        help: "Run only the tests that failed when they last ran; if there are none, run all tests",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| switch(text).map(|on| config.recall.only_failed = on),
            show: |config| SettingValue::bare(config.recall.only_failed),
        },
        ..Setting::PLAIN
    },
    Setting {
        key: "failed-first",
        shape: Shape::Switch,
        help: "Run the tests first that failed when they last ran; with --last-failed, run only these",
        without_effect_in: ModeKind::SEARCHES,
        access: Access::Run {
            set: |config, text| switch(text).map(|on| config.recall.failed_first = on),
            show: |config| SettingValue::bare(config.recall.failed_first),
        },
        ..Setting::PLAIN
    },
];
