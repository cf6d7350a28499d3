//! The modes of a test binary: run the tests, list them, search for unreliable ones, report past runs, and so on.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::model::UsageError;

/// The task of this process. Only the command line chooses it: a mode has no variable and no key in `itest.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// Run the selected tests.
    Run,
    /// Run tests by name in fixed workers and in a fixed order. Each lane is a list of names.
    Lanes(Vec<String>),
    /// Repeat a recorded run.
    Replay { record: String },
    /// Print the names of the selected tests.
    List,
    /// Search for unreliable tests.
    Detect,
    /// Search for weaknesses of the code under test when its calls fail.
    Faults,
    /// Run the selected tests, with a fault of one call.
    Fault(String),
    /// Search for the cause of a recorded failure of this test.
    Bisect { test: String, record: Option<String> },
    /// Report recorded runs as one.
    Report { records: Vec<String> },
    /// Print statistics about past runs.
    History,
    /// Give back the leftovers of killed runs.
    Sweep,
    /// Print every setting with its value and its source.
    PrintConfig,
}

/// A mode without its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModeKind {
    Run,
    Lanes,
    Replay,
    List,
    Detect,
    Faults,
    Fault,
    Bisect,
    Report,
    History,
    Sweep,
    PrintConfig,
}

impl Mode {
    /// The mode without its arguments.
    pub(super) fn kind(&self) -> ModeKind {
        match self {
            Self::Run => ModeKind::Run,
            Self::Lanes(_) => ModeKind::Lanes,
            Self::Replay { .. } => ModeKind::Replay,
            Self::List => ModeKind::List,
            Self::Detect => ModeKind::Detect,
            Self::Faults => ModeKind::Faults,
            Self::Fault(_) => ModeKind::Fault,
            Self::Bisect { .. } => ModeKind::Bisect,
            Self::Report { .. } => ModeKind::Report,
            Self::History => ModeKind::History,
            Self::Sweep => ModeKind::Sweep,
            Self::PrintConfig => ModeKind::PrintConfig,
        }
    }

    /// The records that the mode reports.
    pub(super) fn reported_records(&self) -> &[String] {
        match self {
            Self::Report { records } => records,
            _ => &[],
        }
    }
}

impl ModeKind {
    /// The modes that run the selected tests many times in executions of their own making, and report what they learn from all of them.
    pub(super) const SEARCHES: &[Self] = &[Self::Detect, Self::Faults, Self::Bisect];

    /// The modes that decide about order and workers themselves: those that repeat given executions, and the searches.
    pub(super) const SCRIPTS_AND_SEARCHES: &[Self] =
        &[Self::Lanes, Self::Replay, Self::Detect, Self::Faults, Self::Bisect];

    /// The flag that chooses the mode.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Run => "a run",
            Self::Lanes => "--lane",
            Self::Replay => "--replay",
            Self::List => "--list",
            Self::Detect => "--detect",
            Self::Faults => "--faults",
            Self::Fault => "--fault",
            Self::Bisect => "--bisect",
            Self::Report => "--report",
            Self::History => "--history",
            Self::Sweep => "--sweep",
            Self::PrintConfig => "--print-config",
        }
    }

    /// Why some settings have no effect in this mode.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Lanes => "the lanes name the tests, their order and their workers, and each test runs once",
            Self::Replay => "the record names the tests, their order and their workers",
            Self::Detect | Self::Faults | Self::Bisect => {
                "filters and --tag select the tests, and --logfile the output file"
            }
            Self::Report => "a report shows the whole record",
            Self::Run | Self::Fault | Self::List | Self::History | Self::Sweep | Self::PrintConfig => {
                "this mode does not use it"
            }
        }
    }

    /// Whether the mode leaves filters on the command line without effect.
    pub(super) fn takes_no_filters(self) -> bool {
        self == Self::Report
    }
}

/// The flags of the command line that choose a mode, as they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModeFlags {
    /// The flags without a value that were given.
    switches: Vec<&'static str>,
    lanes: Vec<String>,
    replay: Option<String>,
    report: Vec<String>,
    bisect: Option<String>,
    fault: Option<String>,
}

/// The flags without a value: their names and what `--help` says of them.
const SWITCHES: [(&str, &str); 5] = [
    ("print-config", "Print every setting with its value and where it comes from"),
    ("sweep", "Give back the resources that killed runs have left behind, and run no tests"),
    ("history", "Print statistics about the tests in past runs, or about those that match a FILTER, and run no tests"),
    ("detect", "Search for tests that lie: whose result depends on order, other tests or chance; name the causes"),
    ("faults", "Search for weaknesses: run the tests again and again, each time with a fault of another call"),
];

/// The flags with a value: their names, the name of the value, and what `--help` says of them.
const VALUES: [(&str, &str, ArgAction, &str); 5] = [
    (
        "lane",
        "NAMES",
        ArgAction::Append,
        "Run these tests in this order in one worker; several lanes run in parallel, in lockstep",
    ),
    (
        "replay",
        "RECORD",
        ArgAction::Set,
        "Repeat a recorded run: its order, and its split between workers; `last` is the last one",
    ),
    (
        "report",
        "RECORD",
        ArgAction::Append,
        "Report a recorded run, or several as one, and run no tests; `last` is the last one",
    ),
    (
        "fault",
        "CALL = FAULT",
        ArgAction::Set,
        "Run the tests with a fault of one call, as `--faults` has named it: 'payments POST /charge #2 = timeout'",
    ),
    (
        "bisect",
        "TEST",
        ArgAction::Set,
        "Search for the cause of this test's failure in the last recorded run, or in the record of --replay",
    ),
];

impl ModeFlags {
    /// The parser, with these flags.
    pub(super) fn augment(command: Command) -> Command {
        let switches =
            SWITCHES.into_iter().map(|(name, help)| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help));
        let values = VALUES
            .into_iter()
            .map(|(name, value, action, help)| Arg::new(name).long(name).value_name(value).action(action).help(help));
        command.args(switches).args(values)
    }

    /// Takes the flags of modes from the parsed command line.
    pub(super) fn take(matches: &mut ArgMatches) -> Self {
        let many =
            |matches: &mut ArgMatches, name| matches.remove_many(name).map(Iterator::collect).unwrap_or_default();
        Self {
            switches: SWITCHES.into_iter().map(|(name, _)| name).filter(|name| matches.get_flag(name)).collect(),
            lanes: many(matches, "lane"),
            replay: matches.remove_one("replay"),
            report: many(matches, "report"),
            bisect: matches.remove_one("bisect"),
            fault: matches.remove_one("fault"),
        }
    }

    /// The mode that the flags choose, and `--list`, which is a flag of libtest.
    ///
    /// # Errors
    ///
    /// Two flags that choose different modes.
    pub(super) fn mode(self, list: Option<Mode>) -> Result<Mode, UsageError> {
        let Self { switches, lanes, replay, report, bisect, fault } = self;
        let mut modes = Vec::new();
        let is_given = |name| switches.contains(&name);
        if is_given("print-config") {
            return Ok(Mode::PrintConfig);
        }
        if is_given("sweep") {
            modes.push(Mode::Sweep);
        }
        if !report.is_empty() {
            modes.push(Mode::Report { records: report });
        }
        if is_given("history") {
            modes.push(Mode::History);
        }
        if is_given("detect") {
            modes.push(Mode::Detect);
        }
        if is_given("faults") {
            modes.push(Mode::Faults);
        }
        modes.extend(fault.map(Mode::Fault));
        // A bisection looks for its failure in the record that `--replay` names.
        let (searched, repeated) = if bisect.is_some() { (replay, None) } else { (None, replay) };
        modes.extend(bisect.map(|test| Mode::Bisect { test, record: searched }));
        if !lanes.is_empty() {
            modes.push(Mode::Lanes(lanes));
        }
        modes.extend(repeated.map(|record| Mode::Replay { record }));
        if let [one, other, ..] = modes.as_slice() {
            let what = format!("contradicts {}; give one of them", one.kind().flag());
            return Err(UsageError::new(other.kind().flag(), what));
        }
        // `--list` has priority: beside another mode it still prints a list.
        Ok(list.or(modes.pop()).unwrap_or(Mode::Run))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(words: &[&str]) -> Result<Mode, String> {
        let command = ModeFlags::augment(Command::new("itest"));
        let mut matches = command.try_get_matches_from(["itest"].iter().chain(words)).unwrap();
        ModeFlags::take(&mut matches).mode(None).map_err(|error| error.to_string())
    }

    #[test]
    fn each_flag_chooses_its_mode() {
        let record = || "last".to_owned();
        for (words, expected) in [
            (&[][..], Mode::Run),
            (&["--detect"], Mode::Detect),
            (&["--faults"], Mode::Faults),
            (&["--fault", "a GET / = timeout"], Mode::Fault("a GET / = timeout".to_owned())),
            (&["--sweep"], Mode::Sweep),
            (&["--history"], Mode::History),
            (&["--lane", "a", "--lane", "b"], Mode::Lanes(vec!["a".to_owned(), "b".to_owned()])),
            (&["--replay", "last"], Mode::Replay { record: record() }),
            (&["--report", "last"], Mode::Report { records: vec![record()] }),
            (&["--bisect", "a"], Mode::Bisect { test: "a".to_owned(), record: None }),
            (&["--bisect", "a", "--replay", "last"], Mode::Bisect { test: "a".to_owned(), record: Some(record()) }),
            (&["--print-config", "--detect"], Mode::PrintConfig),
        ] {
            assert_eq!(mode(words), Ok(expected), "{words:?}");
        }
    }

    #[test]
    fn two_modes_are_refused() {
        assert_eq!(mode(&["--detect", "--sweep"]).unwrap_err(), "--detect: contradicts --sweep; give one of them");
        assert_eq!(
            mode(&["--lane", "a", "--replay", "b"]).unwrap_err(),
            "--replay: contradicts --lane; give one of them"
        );
    }
}
