//! Tests of all settings together: a flag, its variable and its key mean the same, alone and on top of each other, and
//! `--print-config` prints a file that gives the same configuration.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;

use super::command_line::CommandLine;
use super::environment::Environment;
use super::print_config::print_config;
use super::resolve::{Resolved, resolve};
use super::setting::{Setting, Shape};
use super::settings::{all, find};
use crate::model::{Limits, MAX_DURATION, RunConfig, Seed, any_mutations, mutated};

/// Where a value is given. A later layer wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    File,
    Environment,
    CommandLine,
}

const LAYERS: [Layer; 3] = [Layer::File, Layer::Environment, Layer::CommandLine];

/// One value of one setting in one layer.
#[derive(Debug, Clone)]
struct Given {
    layer: Layer,
    key: &'static str,
    text: &'static str,
}

/// Valid values of a setting. A setting without values here fails the tests, so that a new one is tested as well.
fn samples(key: &str) -> Vec<&'static str> {
    const PATHS: [&str; 3] = ["a.itest", "a b/\"c\"\\d\n\te'", "\u{1}\u{7f}\u{1b}[31m é 漢 \u{feff}#"];
    let values: Vec<&str> = match (key, find(key).unwrap().shape) {
        ("seed", _) => vec!["0", "7", "0xff", "18446744073709551615"],
        ("retry-delay" | "for", _) => vec!["0s", "0ms", "2s", "1m 30s 5ms"],
        ("retries" | "records", _) => vec!["0", "5"],
        ("format", _) => vec!["pretty", "terse", "json", "libtest-json"],
        ("integration-coverage" | "check-integration-coverage", _) => vec!["INTEGRATION-TEST.md", "a b/é.json"],
        ("integration-baseline", _) => vec!["baseline.json"],
        ("min-integration-coverage", _) => vec!["0", "80", "100"],
        ("covers", _) => vec!["POST /orders", "call payments"],
        ("wrapper", _) => vec!["gdb --args", "env 'A=b c' strace -f"],
        ("color", _) => vec!["auto", "always", "never"],
        (_, Shape::Switch | Shape::Inherited) => vec!["true", "false", "yes", "0"],
        (_, Shape::Optional(..)) => vec!["false", "true", "1", "3"],
        (_, Shape::Value("N")) => vec!["1", "3", "4"],
        (_, Shape::Value("I/N")) => vec!["none", "1/1", "2/5"],
        (_, Shape::Value("DURATION")) => vec!["500ms", "2m", "1h 1s"],
        (_, Shape::Value("DURATION|N")) => vec!["30m", "12"],
        (_, Shape::Value("FILE" | "DIR" | "RECORD")) => PATHS.to_vec(),
        (_, Shape::Value("EXPR")) => vec!["payments & !slow", "a | (b)"],
        (_, Shape::Value("FILTER")) => vec!["info", "debug,shop=trace", "off"],
        (_, Shape::Value("URL")) => vec!["sqlite:a b.sqlite", "sqlite:é\"\\.sqlite"],
        (_, Shape::Value(words)) => words.split('|').collect(),
    };
    std::iter::once("").chain(values).collect()
}

fn toml(text: &str) -> String {
    // JSON and TOML escape the same characters in the same way, except for this one.
    serde_json::to_string(text).unwrap().replace('\u{7f}', "\\u007f")
}

fn resolved_in(folder: &Path, given: &[Given]) -> Result<Resolved, String> {
    let of = |layer| given.iter().filter(move |given| given.layer == layer);
    let lines = of(Layer::File).map(|given| format!("{} = {}", given.key, toml(given.text)));
    let lines: Vec<_> = std::iter::once("[profile.default]".to_owned()).chain(lines).collect();
    fs::write(folder.join("itest.toml"), lines.join("\n")).unwrap();
    let variables: Vec<_> =
        of(Layer::Environment).map(|given| (find(given.key).unwrap().variable(), given.text.to_owned())).collect();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let flags = of(Layer::CommandLine).map(|given| OsString::from(format!("--{}={}", given.key, given.text)));
    let arguments = std::iter::once("itest".into()).chain(flags).collect();
    let line = CommandLine::parse(arguments).map_err(|error| error.to_string())?;
    resolve(&line, &Environment::of(&variables), folder).map_err(|error| error.to_string())
}

/// The configuration that these values give. The seed is 0, unless it is given, because a default seed is random.
fn resolved(given: &[Given]) -> Resolved {
    let folder = TempDir::new().unwrap();
    let mut resolved = resolved_in(folder.path(), given).unwrap_or_else(|error| panic!("{given:?}: {error}"));
    if !resolved.sources.contains_key("seed") {
        resolved.config.seed = Seed(0);
    }
    resolved
}

#[test]
fn flag_variable_and_key_mean_the_same_alone() {
    for setting in all() {
        for text in samples(setting.key) {
            let [file, environment, line] =
                LAYERS.map(|layer| resolved(&[Given { layer, key: setting.key, text }]).config);
            assert_eq!(file, environment, "{} = {text:?}", setting.key);
            assert_eq!(environment, line, "{} = {text:?}", setting.key);
        }
    }
}

#[test]
fn flag_without_a_value_stands_for_its_documented_value() {
    for setting in all() {
        let text = match setting.shape {
            Shape::Switch => "true",
            Shape::Optional(_, missing) => missing,
            _ => continue,
        };
        let arguments = vec!["itest".into(), format!("--{}", setting.key).into(), "--seed=0".into()];
        let folder = TempDir::new().unwrap();
        let line = CommandLine::parse(arguments).unwrap();
        let alone = resolve(&line, &Environment::default(), folder.path()).unwrap().config;
        let spelled = resolved(&[Given { layer: Layer::CommandLine, key: setting.key, text }]).config;
        assert_eq!(alone, spelled, "--{}", setting.key);
    }
}

#[test]
fn number_and_boolean_in_the_file_mean_the_same_as_text() {
    for setting in all() {
        for text in samples(setting.key) {
            let is_bare = text.parse::<u64>().is_ok() || ["true", "false"].contains(&text) || text.starts_with("0x");
            if !is_bare {
                continue;
            }
            let folder = TempDir::new().unwrap();
            let file = format!("[profile.default]\n{} = {text}\n", setting.key);
            fs::write(folder.path().join("itest.toml"), file).unwrap();
            let line = CommandLine::parse(vec!["itest".into()]).unwrap();
            let mut bare = resolve(&line, &Environment::default(), folder.path()).unwrap();
            if !bare.sources.contains_key("seed") {
                bare.config.seed = Seed(0);
            }
            let quoted = resolved(&[Given { layer: Layer::File, key: setting.key, text }]);
            assert_eq!(bare.config, quoted.config, "{} = {text}", setting.key);
        }
    }
}

#[test]
fn value_on_a_higher_layer_replaces_the_one_below() {
    for setting in all() {
        let key = setting.key;
        for (below, above) in [(0, 1), (0, 2), (1, 2)].map(|(below, above)| (LAYERS[below], LAYERS[above])) {
            let samples = samples(key);
            for (text, replaced) in samples.iter().zip(samples.iter().cycle().skip(1)) {
                let alone = resolved(&[Given { layer: above, key, text }]).config;
                let both = [Given { layer: below, key, text: replaced }, Given { layer: above, key, text }];
                let both = resolved(&both).config;
                assert_eq!(both, alone, "{key}: {text:?} ({above:?}) over {replaced:?} ({below:?})");
            }
        }
    }
}

#[test]
fn empty_value_resets_every_setting_to_its_default() {
    for setting in all() {
        let key = setting.key;
        let default = resolved(&[]).config;
        for text in samples(key) {
            let both = [Given { layer: Layer::File, key, text }, Given { layer: Layer::Environment, key, text: "" }];
            assert_eq!(resolved(&both).config, default, "{key}: empty over {text:?}");
        }
    }
}

#[test]
fn last_failed_and_failed_first_are_independent_of_each_other() {
    let recall = |given: &[(Layer, &'static str, &'static str)]| {
        let given: Vec<_> = given.iter().map(|&(layer, key, text)| Given { layer, key, text }).collect();
        let recall = resolved(&given).config.recall;
        (recall.only_failed, recall.failed_first)
    };
    let (file, line) = (Layer::File, Layer::CommandLine);
    assert_eq!(recall(&[(file, "failed-first", "true"), (line, "last-failed", "true")]), (true, true));
    assert_eq!(recall(&[(file, "last-failed", "true"), (line, "failed-first", "true")]), (true, true));
    assert_eq!(recall(&[(file, "failed-first", "true"), (line, "last-failed", "false")]), (false, true));
    assert_eq!(recall(&[(file, "failed-first", "true"), (line, "failed-first", "false")]), (false, false));
    assert_eq!(recall(&[(line, "last-failed", "true"), (line, "failed-first", "true")]), (true, true));
}

#[test]
fn printed_profile_and_quarantine_can_be_read_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("itest.toml");
    let quarantine = "[[quarantine]]\ntest = \"pay\"\nowner = \"a \\\"b\\\"\"\nreason = \"x\\ny\"\nuntil = 2026-12-31\nsuite = \"s\"\n";
    fs::write(&path, format!("[profile.\"my ci.2\"]\njobs = 3\nseed = 1\n{quarantine}")).unwrap();
    let read = || {
        let line = CommandLine::parse(vec!["itest".into(), "--profile=my ci.2".into()]).unwrap();
        resolve(&line, &Environment::default(), folder.path()).unwrap()
    };
    let first = read();
    fs::write(&path, print_config(&first)).unwrap();
    let mut second = read();
    assert_eq!(second.config.quarantine_entries.len(), 1);
    second.config.quarantine_entries[0].place.clone_from(&first.config.quarantine_entries[0].place);
    assert_eq!(second.config, first.config);
}

#[cfg(feature = "history-postgres")]
#[test]
fn setting_with_a_secret_is_printed_as_a_comment() {
    let url = "postgres://team:hunter2@db/itest";
    let text = print_config(&resolved(&[Given { layer: Layer::CommandLine, key: "history-url", text: url }]));
    assert!(!text.contains("hunter2"), "{text}");
    assert!(text.contains("# history-url = \"postgres://team:***@db/itest\" # --history-url"), "{text}");
}

/// Random values of random settings in random layers, at most one of each setting in each layer.
fn any_given() -> impl Strategy<Value = Vec<Given>> {
    let settings: Vec<&'static Setting> = all().collect();
    let one = (prop::sample::select(LAYERS.to_vec()), prop::sample::select(settings), any::<prop::sample::Index>());
    prop::collection::vec(one, 0..12).prop_map(|drawn| {
        let mut given: Vec<Given> = Vec::new();
        for (layer, setting, index) in drawn {
            let (key, text) = (setting.key, samples(setting.key)[index.index(samples(setting.key).len())]);
            // The command line refuses settings that contradict `--in-process`, which another test covers.
            let contradicts = ["in-process", "jobs", "keep-failed"].contains(&key) && layer == Layer::CommandLine;
            if !contradicts && !given.iter().any(|other| other.layer == layer && other.key == key) {
                given.push(Given { layer, key, text });
            }
        }
        given
    })
}

/// A word of a command line: a flag, a value, or both.
fn any_word() -> impl Strategy<Value = String> {
    let flags: Vec<String> = all().map(|setting| format!("--{}", setting.key)).collect();
    let others = ["--", "-", "-q", "--list", "--exact", "--skip", "--shuffle", "--report", "--lane", "--detect", "-Z"];
    let value = || {
        prop_oneof![
            "[0-9]{1,21}(ns|us|ms|s|m|h|days|y|months)?",
            "-?[0-9a-fx/]{0,12}",
            "\\PC{0,8}",
            prop::sample::select(vec!["", "true", "false", "none", "auto/4294967295", "4294967295/4294967295", "'"])
                .prop_map(str::to_owned),
        ]
    };
    prop_oneof![
        (prop::sample::select(flags), value()).prop_map(|(flag, value)| format!("{flag}={value}")),
        prop::sample::select(others.to_vec()).prop_map(str::to_owned),
        value(),
    ]
}

/// The longest of all durations of a configuration.
fn longest(config: &RunConfig) -> Duration {
    let Limits { setup, test, teardown } = config.limits;
    let others = [config.budget.time, config.repeats.lasting].map(Option::unwrap_or_default);
    let all = [setup, test, teardown, config.slow, config.retry_delay, config.history_keep];
    all.into_iter().chain(others).max().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_setting_has_the_value_of_its_highest_layer(given in any_given()) {
        let mut highest: Vec<Given> = Vec::new();
        for setting in all() {
            let own = given.iter().filter(|given| given.key == setting.key);
            highest.extend(own.max_by_key(|given| given.layer).map(|given| Given { layer: Layer::File, ..given.clone() }));
        }
        prop_assert_eq!(resolved(&given).config, resolved(&highest).config);
    }

    /// No file makes itest panic, and no duration of a configuration is so long that adding it to a time could overflow.
    #[test]
    fn mutated_file_is_refused_or_gives_bounded_durations(given in any_given(), mutations in any_mutations()) {
        let mut printed = print_config(&resolved(&given));
        printed += "[[quarantine]]\ntest = \"pay\"\nowner = \"a\"\nreason = \"b\"\nuntil = 2026-12-31\n";
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("itest.toml"), mutated(printed.into_bytes(), &mutations)).unwrap();
        let line = CommandLine::parse(vec!["itest".into()]).unwrap();
        if let Ok(Resolved { config, .. }) = resolve(&line, &Environment::default(), folder.path()) {
            prop_assert!(longest(&config) <= MAX_DURATION);
        }
    }

    #[test]
    fn random_command_line_is_refused_or_gives_bounded_durations(words in prop::collection::vec(any_word(), 0..6)) {
        let arguments: Vec<OsString> = std::iter::once("itest".into()).chain(words.iter().map(OsString::from)).collect();
        let folder = TempDir::new().unwrap();
        let Ok(line) = CommandLine::parse(arguments) else { return Ok(()) };
        let variables = [("ITEST_TIMEOUT", "18446744073709551615ns"), ("ITEST_TAG", "a")];
        if let Ok(Resolved { config, .. }) = resolve(&line, &Environment::of(&variables), folder.path()) {
            prop_assert!(longest(&config) <= MAX_DURATION);
        }
    }

    #[test]
    fn printed_configuration_can_be_read_back(given in any_given()) {
        let first = resolved(&given);
        let text = print_config(&first);
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("itest.toml"), &text).unwrap();
        let line = CommandLine::parse(vec!["itest".into()]).unwrap();
        let second = resolve(&line, &Environment::default(), folder.path()).map_err(|error| error.to_string());
        let second = second.unwrap_or_else(|error| panic!("{error} in:\n{text}"));
        prop_assert_eq!(&second.config, &first.config, "{}", text);
        let value = |line: &str| line.rsplit_once(" # ").map_or(line, |(value, _)| value).trim().to_owned();
        let values = |text: &str| text.lines().map(value).collect::<Vec<_>>();
        prop_assert_eq!(values(&print_config(&second)), values(&text));
    }
}
