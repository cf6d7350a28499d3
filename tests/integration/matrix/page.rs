//! The page that says what is left: made from the list that the tests are made from, so that it says no more than they do.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

use super::paths::{ExitPath, Expected, NOTHING, PATHS, Runner, Under};
use super::resources::Resource;

/// What the page says before its tables.
const INTRODUCTION: &str = "\
# What is left

What stands in the ledger is given back, however a test or a run ends. Here is what is still there two seconds after each end.
Each row is a run of a suite: one test takes one of everything and then ends in this way, and the tests before and after it
pass, where the run goes on. The tables are made from the same list as those tests (`matrix::nothing_is_left_under_…`).

- nothing: it was given back.
- **next run**: it is given back by the next run of a suite with the same session folder, or by `--sweep`.
- **for good**: only the process that died knew of it. That is so for deferred steps, and for nothing else; what lives outside of
  every process belongs into `teardown.durable`.

The runner is what the user started: the suite's own supervisor under cargo test, or cargo-nextest. A worker is the process
that runs the tests; under cargo-nextest each test has one of its own, and the supervisor is in it.

A session server that is killed is replaced by the next process of the run that needs it or ends. Where no such process comes,
because the server of a cargo-nextest run is killed after its last test, everything stands in the ledger until the next run. A
session server that is only asked to end (SIGTERM, SIGINT, SIGHUP, SIGQUIT) goes on until the run is over.

What a test starts with a plain `Command` is ended with the test, or with its process if that dies. That holds under cargo-nextest,
too: every run there has a session server that does it (`nextest::what_a_crashed_test_started_is_ended_also_without_a_session`). If
that server is killed, it is done at the end of the run, or by the next run. Two things are needed: the environment that the test
process gave to what it started, and a place for the session folder. Under cargo test, a run without a session whose supervisor and
workers are all killed leaves it **for good**.
";

/// The columns that stand for resources.
const COLUMNS: [(&str, Resource); 10] = [
    ("temp dir", Resource::TempDir),
    ("SQLite file", Resource::SqliteFile),
    ("child and grandchild", Resource::Child),
    ("daemon", Resource::Daemon),
    ("port", Resource::Port),
    ("`durable`", Resource::Durable),
    ("session fixture's `durable`", Resource::SessionDurable),
    ("session folder and socket", Resource::Session),
    ("`defer`", Resource::Deferred),
    ("session fixture's `defer`", Resource::SessionDeferred),
];

fn page() -> Result<String> {
    let mut page = INTRODUCTION.to_owned();
    for (runner, name) in RUNNERS {
        write!(page, "\n## Under {}\n\n| how it ends | what is said | exit code |", words(name))?;
        for (column, _) in COLUMNS {
            write!(page, " {column} |")?;
        }
        writeln!(page, "\n|{}", "---|".repeat(COLUMNS.len() + 3))?;
        for path in PATHS {
            if let Under::Tested(expected) = path.under(runner) {
                writeln!(page, "{}", row(path, expected))?;
            }
        }
        for path in PATHS {
            if let Under::Meaningless(reason) = path.under(runner) {
                writeln!(page, "\nNot here: {}, because {reason}.", words(path.name))?;
            }
        }
    }
    Ok(page)
}

/// The runners and what they are called.
const RUNNERS: [(Runner, &str); 2] = [(Runner::CargoTest, "cargo_test"), (Runner::Nextest, "nextest")];

fn row(path: &ExitPath, expected: &Expected) -> String {
    let left = expected.left;
    let later = if left.patience == NOTHING.patience { "" } else { " (after four seconds)" };
    let outcome = if expected.outcome.is_empty() { "–".to_owned() } else { words(expected.outcome) };
    let code = expected.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
    let cells = COLUMNS.map(|(_, resource)| match resource {
        resource if left.until_next_run.contains(&resource) => "**next run**",
        resource if left.for_good.contains(&resource) => "**for good**",
        _ => "nothing",
    });
    format!("| {}{later} | {outcome} | {code} | {} |", words(path.name), cells.join(" | "))
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// `UPDATE_DOCS=1` writes the page anew.
#[integration_test(tags("matrix"))]
fn the_page_of_leftovers_says_what_is_tested(dir: &TempDir) -> Result<()> {
    #[arrange]
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/leftovers.md");
    let own = std::env::current_exe()?.display().to_string();

    #[act]
    let (page, listed) = (page()?, Suite::new(&own, dir).args(&["--list", "nothing_is_left_under"]).run()?.stdout());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&place, &page)?;
    }

    #[assert]
    for (runner, name) in RUNNERS {
        for path in PATHS {
            let test = format!("nothing_is_left_under_{name}::path_{}", path.name);
            let is_tested = listed.contains(&format!("::{test}: test\n"));
            assert_eq!(is_tested, matches!(path.under(runner), Under::Tested(_)), "{test} in\n{listed}");
        }
    }
    let written = fs::read_to_string(&place).unwrap_or_default();
    assert!(written == page, "docs/leftovers.md is not what is tested; UPDATE_DOCS=1 writes it:\n{page}");
    Ok(())
}
