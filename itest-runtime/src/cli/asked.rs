//! What the command line asks for beside settings: each of these is for one run, and has no variable and no line in a file.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// What is to be done, where that is not simply to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag on the command line")]
pub(super) struct Asked {
    /// The profile of `itest.toml`.
    pub(super) profile: Option<String>,
    /// The configuration file.
    pub(super) config: Option<String>,
    /// Settings are printed.
    pub(super) print_config: bool,
    /// Nothing is run: what dead runs left is given back.
    pub(super) sweep: bool,
    /// What runs in one worker, in order; each a list of names.
    pub(super) lanes: Vec<String>,
    /// A recorded run is repeated.
    pub(super) replay: Option<String>,
    /// Nothing is run: recorded runs are reported as one.
    pub(super) report: Vec<String>,
    /// Nothing is run: what past runs say is told.
    pub(super) history: bool,
    /// Tests that lie are looked for.
    pub(super) detect: bool,
    /// It is found out what makes this test fail.
    pub(super) bisect: Option<String>,
}

impl Asked {
    /// The parser, with these flags.
    pub(super) fn augment(command: Command) -> Command {
        let flag = |name: &'static str| Arg::new(name).long(name);
        command
            .arg(flag("profile").value_name("NAME").help(
                "The profile of itest.toml [default: ci where the variable CI is set and the file has one, else default]",
            ))
            .arg(
                flag("config")
                    .value_name("PATH")
                    .help("The configuration file [default: itest.toml here or in a parent folder, up to the workspace]"),
            )
            .arg(
                flag("print-config")
                    .action(ArgAction::SetTrue)
                    .help("Print every setting with its value and where it comes from"),
            )
            .arg(
                flag("sweep")
                    .action(ArgAction::SetTrue)
                    .help("Give back what killed runs have left, and run no tests"),
            )
            .arg(
                flag("lane")
                    .action(ArgAction::Append)
                    .value_name("NAMES")
                    .help("Run these tests in this order in one worker; several lanes run side by side, in lockstep"),
            )
            .arg(
                flag("replay")
                    .value_name("RECORD")
                    .help("Repeat a recorded run: its order, and its split between workers; `last` is the last one"),
            )
            .arg(
                flag("report")
                    .action(ArgAction::Append)
                    .value_name("RECORD")
                    .help("Report a recorded run, or several as one, and run no tests; `last` is the last one"),
            )
            .arg(
                flag("history")
                    .action(ArgAction::SetTrue)
                    .help("Tell what past runs say of the tests, or of those that a FILTER names, and run no tests"),
            )
            .arg(
                flag("detect")
                    .action(ArgAction::SetTrue)
                    .help("Look for tests that lie: find them, say what kind of lie it is and who makes them lie"),
            )
            .arg(
                flag("bisect")
                    .value_name("TEST")
                    .help("Find out what makes a test fail that failed in the last recorded run, or in that of --replay"),
            )
    }

    /// Two things that are asked for and exclude each other, if there are any.
    pub(super) fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let whole = [
            ("--sweep", self.sweep),
            ("--report", !self.report.is_empty()),
            ("--history", self.history),
            ("--detect", self.detect),
            ("--bisect", self.bisect.is_some()),
            ("--lane", !self.lanes.is_empty()),
            // What a bisection looks at is a recorded run, too.
            ("--replay", self.replay.is_some() && self.bisect.is_none()),
        ];
        let mut given = whole.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag);
        given.next().zip(given.next())
    }

    /// Takes what was given.
    pub(super) fn take(matches: &mut ArgMatches) -> Self {
        let many =
            |matches: &mut ArgMatches, name| matches.remove_many(name).map(Iterator::collect).unwrap_or_default();
        Self {
            profile: matches.remove_one("profile"),
            config: matches.remove_one("config"),
            print_config: matches.get_flag("print-config"),
            sweep: matches.get_flag("sweep"),
            lanes: many(matches, "lane"),
            replay: matches.remove_one("replay"),
            report: many(matches, "report"),
            history: matches.get_flag("history"),
            detect: matches.get_flag("detect"),
            bisect: matches.remove_one("bisect"),
        }
    }
}
