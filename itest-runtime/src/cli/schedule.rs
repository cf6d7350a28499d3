//! The settings of who runs what, when and how often.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::settings::{Setting, Shape};
use super::values::{at_least_one, duration, one_of, path, quoted, shown_duration, shown_path, switch};
use crate::model::{FlakyResult, Order, Recall, RetryOn, ShardBy, Until};

/// The orders that can be asked for.
const ORDERS: [(&str, Order); 4] = [
    ("random", Order::Random),
    ("declared", Order::Declared),
    ("reverse", Order::Reverse),
    ("longest-first", Order::LongestFirst),
];

/// These settings, in the order in which help and `--print-config` show them.
pub(super) static SCHEDULE: &[Setting] = &[
    Setting {
        key: "order",
        shape: Shape::Value("random|declared|reverse|longest-first"),
        help: "In which order tests are started [default: random]",
        set: |config, text| one_of(text, &ORDERS).map(|order| config.order = order),
        show: |config| {
            let word = ORDERS.iter().find(|(_, order)| *order == config.order);
            quoted(word.map_or("random", |(word, _)| word))
        },
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
        key: "shard",
        shape: Shape::Value("I/N"),
        help: "Run part I of N, such as 2/5; auto/N asks the CI system for I; none runs all [default: as the CI system says]",
        set: |config, text| text.parse().map(|shard| config.shard = shard),
        show: |config| quoted(&config.shard.to_string()),
    },
    Setting {
        key: "shard-by",
        shape: Shape::Value("hash|durations"),
        help: "Split by the tests' names, or so that all parts take equally long by the record of --durations [default: hash]",
        set: |config, text| {
            let words = [("hash", ShardBy::Hash), ("durations", ShardBy::Durations)];
            one_of(text, &words).map(|by| config.shard_by = by)
        },
        show: |config| quoted(&format!("{:?}", config.shard_by).to_lowercase()),
    },
    Setting {
        key: "durations",
        shape: Shape::Value("RECORD"),
        help: "The record that says how long tests take [default: for --order longest-first the last ones]",
        set: |config, text| {
            config.durations = path(text);
            Ok(())
        },
        show: |config| shown_path(config.durations.as_deref()),
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
        key: "retry-delay",
        shape: Shape::Value("DURATION"),
        help: "Wait so long before the second attempt, twice as long before each later one, a minute at most [default: 0s]",
        set: |config, text| match text {
            "0s" => {
                config.retry_delay = Duration::ZERO;
                Ok(())
            }
            text => duration(text).map(|delay| config.retry_delay = delay),
        },
        show: |config| shown_duration(config.retry_delay),
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
];
