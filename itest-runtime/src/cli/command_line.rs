//! The command line, which is compatible with libtest's. It adds itest's arguments to those of libtest-mimic, whose trials also decide
//! which tests are filtered out or ignored. No other module uses libtest-mimic.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use libtest_mimic::{Arguments, ColorSetting, FormatSetting, Trial};

use super::defaults::base;
use super::mode::{Mode, ModeFlags};
use super::setting::{Scope, Shape};
use super::settings::{GivenSetting, all, find};
use super::values::{one_of, switch};
use crate::inject::TestEntry;

/// The first argument of a process that the program of `--wrapper` has started.
pub(super) const WRAPPED_FLAG: &str = "--itest-wrapped";

/// The parsed command line. The values of settings are still text.
#[derive(Debug)]
pub(super) struct CommandLine {
    arguments: Arguments,
    /// All filters; a test is selected by any of them.
    pub(super) filters: Vec<String>,
    /// The settings on the command line, each with its flag as the user wrote it.
    pub(super) settings: Vec<GivenSetting>,
    /// The mode that the flags choose.
    pub(super) mode: Mode,
    /// The profile of `itest.toml`, if one is named.
    pub(super) profile: Option<String>,
    /// The configuration file, if one is named.
    pub(super) config: Option<String>,
    /// Whether the program of `--wrapper` has started this process.
    pub(super) is_wrapped: bool,
}

const AFTER_HELP: &str = "\
Every setting is also a variable (ITEST_FAIL_FAST) and a key of a profile in itest.toml ([profile.default]
fail-fast = 3). The command line has priority over the environment, and the environment over the file. An empty value
resets a setting to its default (--tag '', ITEST_TAG= or tag = ''), and =false turns a switch off (--show-data=false).
No duration may be longer than 10 years.

Exit codes: 0 passed, 101 tests failed, 2 wrong usage, 3 the harness failed, 4 nothing matched,
128 + n ended by signal n.";

/// The parser of libtest-mimic's arguments and of itest's.
fn command() -> Command {
    let defaults = base();
    let help = |key| find(key).map(|setting| setting.help_text(&defaults)).unwrap_or_default();
    let command = Arguments::augment_args(Command::new("itest"))
        .disable_version_flag(true)
        .help_template("{usage-heading} {usage}\n\n{all-args}\n\n{after-help}")
        .override_usage("cargo test --test TARGET -- [OPTIONS] [FILTER]...")
        .after_help(AFTER_HELP)
        .mut_arg("filter", |filter| {
            let help = "Run only tests whose names contain a FILTER, or equal it with --exact";
            filter.num_args(0..).action(ArgAction::Append).value_name("FILTER").help(help)
        })
        .mut_arg("nocapture", |flag| inherited_switch(flag).visible_alias("no-capture").help(help("no-capture")))
        .mut_arg("show_output", |flag| inherited_switch(flag).help(help("show-output")))
        .mut_arg("ignored", |flag| flag.help("Run only ignored tests"))
        .mut_arg("include_ignored", |flag| flag.help("Run ignored tests as well"))
        .mut_arg("color", |flag| {
            let parser = |text: &str| read_word(text, &COLORS);
            flag.value_parser(parser).value_name("auto|always|never").help(help("color"))
        })
        .mut_arg("format", |flag| {
            let parser = |text: &str| read_word(text, &FORMATS);
            flag.value_parser(parser).value_name("pretty|terse|json").help(help("format"))
        })
        .mut_arg("logfile", |flag| flag.help("Write the report to a file instead of stdout"))
        .mut_arg("test_threads", |flag| flag.help("libtest's name for --jobs"))
        .mut_arg("unstable_flags", |flag| flag.hide(true))
        .mut_arg("bench", |flag| flag.hide(true))
        .mut_arg("test", |flag| flag.hide(true))
        .arg(Arg::new("shuffle").long("shuffle").action(ArgAction::SetTrue).help("libtest's name for --order random"))
        .arg(Arg::new("shuffle-seed").long("shuffle-seed").value_name("N").help("libtest's name for --seed"));
    let command = ModeFlags::augment(command)
        .arg(Arg::new("profile").long("profile").value_name("NAME").help(
            "The profile of itest.toml [default: ci if the variable CI is set and the file has this profile, else default]",
        ))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("PATH")
                .help("The configuration file [default: itest.toml here or in a parent folder, up to the workspace]"),
        );
    all().fold(command, |command, setting| {
        let arg = Arg::new(setting.key).long(setting.key).help(setting.help_text(&defaults));
        command.args(match setting.shape {
            Shape::Inherited => None,
            Shape::Value(name) => Some(arg.value_name(name).allow_hyphen_values(true)),
            Shape::Optional(name, missing) => {
                Some(arg.value_name(name).num_args(0..=1).require_equals(true).default_missing_value(missing))
            }
            Shape::Switch => Some(optional_switch(arg)),
        })
    })
}

/// `--key`, `--key=true` or `--key=false`.
fn optional_switch(flag: Arg) -> Arg {
    flag.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL")
}

/// A switch of libtest-mimic, which needs a value even if the flag is not given.
fn inherited_switch(flag: Arg) -> Arg {
    optional_switch(flag).value_parser(read_switch).default_value("false").hide_default_value(true)
}

/// The formats by name. For libtest-mimic `libtest-json` is its JSON, but itest distinguishes it from its own `json`.
const FORMATS: [(&str, FormatSetting); 4] = [
    ("pretty", FormatSetting::Pretty),
    ("terse", FormatSetting::Terse),
    ("json", FormatSetting::Json),
    ("libtest-json", FormatSetting::Json),
];
const COLORS: [(&str, ColorSetting); 3] =
    [("auto", ColorSetting::Auto), ("always", ColorSetting::Always), ("never", ColorSetting::Never)];

/// Parses a value for libtest-mimic. An empty value stands for the default, as it does for every setting.
fn read_word<T: Copy + Default>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    if text.is_empty() { Ok(T::default()) } else { one_of(text, words) }
}

/// Parses a switch for libtest-mimic. An empty value stands for the default, as it does for every setting.
fn read_switch(text: &str) -> Result<bool, String> {
    if text.is_empty() { Ok(false) } else { switch(text) }
}

/// Removes the flag of a process that the program of `--wrapper` has started. Returns whether it was there.
fn take_wrapped_flag(arguments: &mut Vec<OsString>) -> bool {
    let is_wrapped = arguments.get(1).is_some_and(|argument| argument == WRAPPED_FLAG);
    if is_wrapped {
        arguments.remove(1);
    }
    is_wrapped
}

impl CommandLine {
    /// Parses the arguments of the process.
    ///
    /// # Errors
    ///
    /// The message of the parser. A request for help is also returned as an error.
    pub(super) fn parse(mut arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let is_wrapped = take_wrapped_flag(&mut arguments);
        let line = Self::parse_fast(&arguments).map_or_else(|| Self::parse_in_full(arguments), Ok)?;
        Ok(Self { is_wrapped, ..line })
    }

    /// Parses the most frequent command lines, which cargo-nextest uses for each test: filters, a few flags of libtest, and one setting of
    /// itest. Returns none for any other command line. The full parser takes longer to build than a small suite to list.
    fn parse_fast(arguments: &[OsString]) -> Option<Self> {
        let mut known = Arguments::default();
        let mut filters = Vec::new();
        let mut own = Vec::new();
        let mut words = arguments.iter().skip(1).map(|word| word.to_str());
        while let Some(word) = words.next() {
            let flag = match word? {
                "--list" => &mut known.list,
                "--exact" => &mut known.exact,
                "--ignored" => &mut known.ignored,
                "--nocapture" => &mut known.nocapture,
                "--show-output" => &mut known.show_output,
                "--format" if known.format.is_none() && words.next()? == Some("terse") => {
                    known.format = Some(FormatSetting::Terse);
                    continue;
                }
                filter if !filter.starts_with('-') => {
                    filters.push(filter.to_owned());
                    continue;
                }
                option => {
                    let setting = find(option.strip_prefix("--")?)?;
                    let value = words.next()?.filter(|value| !value.starts_with('-'))?;
                    if !matches!(setting.shape, Shape::Value(_)) || !own.is_empty() {
                        return None;
                    }
                    own.push(GivenSetting::new(setting.key, format!("{option} {value}"), value));
                    continue;
                }
            };
            // The full parser refuses a flag that is given twice, with a message.
            if std::mem::replace(flag, true) {
                return None;
            }
        }
        known.filter = filters.first().cloned();
        own.extend(fast_settings(&known));
        let mode = if known.list { Mode::List } else { Mode::Run };
        Some(Self { arguments: known, filters, settings: own, mode, profile: None, config: None, is_wrapped: false })
    }

    fn parse_in_full(arguments: Vec<OsString>) -> Result<Self, clap::Error> {
        let mut command = command();
        let mut matches = command.try_get_matches_from_mut(arguments)?;
        let filters = matches.get_many("filter").map(|filters| filters.cloned().collect()).unwrap_or_default();
        let settings = settings(&matches);
        let flags = ModeFlags::take(&mut matches);
        let (profile, config) = (matches.remove_one("profile"), matches.remove_one("config"));
        let arguments = Arguments::from_arg_matches_mut(&mut matches)?;
        let list = arguments.list.then_some(Mode::List);
        let mode = flags.mode(list).map_err(|error| command.error(ErrorKind::ArgumentConflict, error))?;
        Ok(Self { arguments, filters, settings, mode, profile, config, is_wrapped: false })
    }

    /// The arguments that a command for one test must repeat, because they can change the result of the test.
    pub(super) fn arguments_for_one_test(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.arguments.ignored || self.arguments.include_ignored {
            words.push("--include-ignored".to_owned());
        }
        let changes_tests = |given: &&GivenSetting| find(given.key).is_some_and(|setting| setting.scope == Scope::Test);
        for GivenSetting { key, text, .. } in self.settings.iter().filter(changes_tests) {
            words.push(format!("--{key}={text}"));
        }
        if let Mode::Fault(fault) = &self.mode {
            words.extend(["--fault".to_owned(), fault.clone()]);
        }
        words
    }

    /// `--exact`
    pub(super) fn is_exact(&self) -> bool {
        self.arguments.exact
    }

    /// `--ignored`: only ignored tests run.
    pub(super) fn only_ignored(&self) -> bool {
        self.arguments.ignored
    }

    /// `--bench`: there are no benchmarks here, so nothing runs.
    pub(super) fn only_benchmarks(&self) -> bool {
        self.arguments.bench
    }

    /// `--logfile`
    pub(super) fn logfile(&self) -> Option<&str> {
        self.arguments.logfile.as_deref()
    }

    /// `--skip`
    pub(super) fn skips(&self) -> &[String] {
        &self.arguments.skip
    }

    /// The filter that decides which tests run.
    pub(super) fn test_filter(&self) -> TestFilter {
        let filters = if self.filters.is_empty() {
            vec![self.arguments.clone()]
        } else {
            let one = |filter: &String| Arguments { filter: Some(filter.clone()), ..self.arguments.clone() };
            self.filters.iter().map(one).collect()
        };
        let arguments = &self.arguments;
        let lets_all_pass =
            self.filters.is_empty() && arguments.skip.is_empty() && !arguments.ignored && !arguments.bench;
        TestFilter { lets_all_pass, is_exact: arguments.exact, matched: vec![false; filters.len()], filters }
    }
}

/// Decides which cases run, in the same way as libtest.
#[derive(Debug)]
pub(super) struct TestFilter {
    /// The arguments of libtest-mimic, once for each filter, because libtest-mimic supports only one filter.
    filters: Vec<Arguments>,
    /// For each filter, whether it has matched a test.
    matched: Vec<bool>,
    /// Whether the command line selects no tests, so that all tests run that are not ignored.
    lets_all_pass: bool,
    /// Whether `--exact` is given, so that a test with another name is filtered out without a trial.
    is_exact: bool,
}

/// The decision about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilterDecision {
    /// The case is not part of the run.
    FilteredOut,
    /// The case is reported as ignored.
    Ignored,
    /// The case runs.
    Runs,
}

impl TestFilter {
    /// Decides about one case. With `--exact`, the name of a test selects all its cases.
    pub(super) fn decide(&mut self, name: &str, test: &TestEntry) -> FilterDecision {
        let is_ignored = test.meta.ignore.is_some();
        if self.lets_all_pass && !is_ignored {
            return FilterDecision::Runs;
        }
        if self.is_exact && !self.has_exact_filter(name) && (!test.has_cases() || !self.has_exact_filter(test.name)) {
            return FilterDecision::FilteredOut;
        }
        let trial = |name: &str| Trial::test(name, || Ok(())).with_ignored_flag(is_ignored);
        let of_case = trial(name);
        let of_test = (self.is_exact && name != test.name).then(|| trial(test.name));
        let skips_test =
            |arguments: &Arguments| of_test.is_some() && arguments.skip.iter().any(|skip| skip == test.name);
        let mut decision = FilterDecision::FilteredOut;
        for (arguments, matched) in self.filters.iter().zip(&mut self.matched) {
            let passes = |trial: &Trial| !arguments.is_filtered_out(trial);
            if !skips_test(arguments) && (passes(&of_case) || of_test.as_ref().is_some_and(passes)) {
                *matched = true;
                decision = if arguments.is_ignored(&of_case) { FilterDecision::Ignored } else { FilterDecision::Runs };
            }
        }
        decision
    }

    /// Whether a filter equals this name, or there is no filter.
    fn has_exact_filter(&self, name: &str) -> bool {
        for Arguments { filter, .. } in &self.filters {
            match filter {
                Some(filter) if filter != name => {}
                _ => return true,
            }
        }
        false
    }

    /// The position of the first filter that has matched no test so far.
    pub(super) fn unmatched(&self) -> Option<usize> {
        self.matched.iter().position(|matched| !matched)
    }
}

/// All settings on the command line, including those with a flag of libtest.
fn settings(matches: &ArgMatches) -> Vec<GivenSetting> {
    let text = |id: &str| {
        let is_given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let text = matches.get_raw(id).filter(|_| is_given)?.next()?;
        Some(text.to_string_lossy().into_owned())
    };
    let own = all().filter(|setting| setting.shape != Shape::Inherited).filter_map(|setting| {
        let text = text(setting.key)?;
        Some(GivenSetting::new(setting.key, format!("--{} {text}", setting.key), text))
    });
    let mut given: Vec<_> = own.collect();
    let mut add = |key, flag: &str, text: String| {
        given.push(GivenSetting::new(key, format!("{flag} {text}").trim_end(), text));
    };
    if let Some(threads) = text("test_threads") {
        add("jobs", "--test-threads", threads);
    }
    for (key, id, flag) in [("no-capture", "nocapture", "--nocapture"), ("show-output", "show_output", "--show-output")]
    {
        if let Some(on) = text(id) {
            add(key, flag, on);
        }
    }
    if matches.get_flag("quiet") {
        given.push(GivenSetting::new("format", "--quiet", "terse"));
    }
    // A tool that expects libtest's JSON also passes `-Z unstable-options`, because libtest's JSON is not stable.
    let is_unstable = matches.contains_id("unstable_flags");
    match text("format") {
        Some(json) if json == "json" && is_unstable => {
            given.push(GivenSetting::new("format", "--format json -Z unstable-options", "libtest-json"));
        }
        Some(format) => given.push(GivenSetting::new("format", format!("--format {format}"), format)),
        None => {}
    }
    if let Some(color) = text("color") {
        given.push(GivenSetting::new("color", format!("--color {color}"), color));
    }
    if matches.get_flag("shuffle") {
        given.push(GivenSetting::new("order", "--shuffle", "random"));
    }
    if let Some(seed) = text("shuffle-seed") {
        given.push(GivenSetting::new("seed", format!("--shuffle-seed {seed}"), seed));
    }
    given
}

/// The settings among the arguments that [`CommandLine::parse_fast`] knows.
fn fast_settings(arguments: &Arguments) -> Vec<GivenSetting> {
    let mut given = Vec::new();
    if arguments.nocapture {
        given.push(GivenSetting::new("no-capture", "--nocapture true", "true"));
    }
    if arguments.show_output {
        given.push(GivenSetting::new("show-output", "--show-output true", "true"));
    }
    if arguments.format == Some(FormatSetting::Terse) {
        given.push(GivenSetting::new("format", "--format terse", "terse"));
    }
    given
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inject::Function;

    fn parse(arguments: &[&str]) -> Result<CommandLine, clap::Error> {
        CommandLine::parse(["itest"].iter().chain(arguments).map(OsString::from).collect())
    }

    #[test]
    fn flag_of_a_wrapped_process_is_its_first_argument_only() {
        let wrapped = parse(&[WRAPPED_FLAG, "one"]).unwrap();
        assert_eq!((wrapped.is_wrapped, wrapped.filters), (true, vec!["one".to_owned()]));
        assert!(!parse(&["one"]).unwrap().is_wrapped);
        assert!(parse(&["one", WRAPPED_FLAG]).is_err());
    }

    #[test]
    fn clap_accepts_the_definition_of_the_parser() {
        command().debug_assert();
    }

    proptest! {
        #[test]
        fn fast_parser_agrees_with_the_full_parser(
            words in proptest::collection::vec(
                prop::sample::select(vec![
                    "", "-", "--", "a", "orders::pay", "--list", "--exact", "--ignored", "--nocapture", "--show-output",
                    "--format", "terse", "pretty", "--format=terse", "--quiet", "-q", "--include-ignored", "--jobs", "2",
                    "--seed", "--timeout", "--fail-fast", "--no-capture", "--shuffle", "--profile",
                ]),
                0..5,
            ),
        ) {
            let arguments: Vec<_> = ["itest"].iter().chain(&words).map(OsString::from).collect();
            if let Some(fast) = CommandLine::parse_fast(&arguments) {
                let parsed = CommandLine::parse_in_full(arguments).map(|line| format!("{line:?}"));
                prop_assert_eq!(parsed.map_err(|error| error.to_string()), Ok(format!("{fast:?}")));
            }
        }
    }

    #[test]
    fn fast_parser_accepts_the_command_lines_of_nextest_and_of_reports() {
        for words in [
            "--list --format terse",
            "--list --format terse --ignored",
            "orders::pay --exact --nocapture",
            "--exact orders::pay --seed 7",
        ] {
            let arguments: Vec<_> = ["itest"].into_iter().chain(words.split(' ')).map(OsString::from).collect();
            assert!(CommandLine::parse_fast(&arguments).is_some(), "{words}");
        }
    }

    #[test]
    fn flags_of_libtest_and_of_itest_can_be_combined() {
        let line = parse(&[
            "one",
            "--exact",
            "--nocapture",
            "two",
            "--test-threads=3",
            "--shuffle-seed",
            "9",
            "--fail-fast",
            "--fail-fast=2",
        ]);
        assert!(line.is_err(), "a setting given twice is refused");
        let line = parse(&["one", "--exact", "--no-capture", "two", "--test-threads=3", "--fail-fast", "--in-process"])
            .unwrap();
        assert_eq!(line.filters, ["one", "two"]);
        assert!(line.is_exact());
        let given: Vec<_> = line.settings.iter().map(|given| (given.key, given.text.as_str())).collect();
        assert_eq!(given, [("fail-fast", "1"), ("in-process", "true"), ("jobs", "3"), ("no-capture", "true")]);
    }

    #[test]
    fn command_line_of_rust_analyzers_run_lens_is_accepted() {
        let line = parse(&["orders::pay", "--exact", "--nocapture", "--show-output"]).unwrap();
        assert_eq!(line.filters, ["orders::pay"]);
    }

    #[test]
    fn exact_filter_selects_a_case_or_all_cases_of_a_test() {
        const TEST: TestEntry =
            TestEntry::new("pay", "a.rs:1:1", Function::Sync(|_| Ok(()))).cases(&["visa", "master"], 0);
        let decide = |arguments: &[&str], name| parse(arguments).unwrap().test_filter().decide(name, &TEST);
        for (filter, decision) in [
            ("pay", FilterDecision::Runs),
            ("pay::visa", FilterDecision::Runs),
            ("pay::master", FilterDecision::FilteredOut),
            ("visa", FilterDecision::FilteredOut),
        ] {
            assert_eq!(decide(&["--exact", filter], "pay::visa"), decision, "{filter}");
            assert_eq!(decide(&["--exact", "other", filter], "pay::visa"), decision, "{filter}");
        }
        assert_eq!(decide(&["--exact"], "pay::visa"), FilterDecision::Runs);
        assert_eq!(decide(&["--exact", "--ignored"], "pay::visa"), FilterDecision::FilteredOut);
        assert_eq!(decide(&["--exact", "pay", "--skip", "pay"], "pay::visa"), FilterDecision::FilteredOut);
        assert_eq!(decide(&["visa"], "pay::visa"), FilterDecision::Runs);
    }
}
