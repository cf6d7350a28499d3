//! Generates `docs/leftovers.md` from the list that the tests use, so that the page and the tests agree.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

use super::paths::{ExitPath, Expected, NOTHING, PATHS, Runner, Under};
use super::resources::Resource;

/// The text of the page before its tables.
const INTRODUCTION: &str = "\
# What is left

Every resource in the ledger is given back, however a test or a run ends. The tables show what is still there two seconds after
each end. Each row is a run of a suite: one test takes a resource of every kind and then ends in this way. The tests before and
after it pass, where the run goes on. The tables are generated from the list that the tests use (`matrix::nothing_is_left_under_…`).

- nothing: the resource was given back.
- **next run**: the resource is given back by the next run of a suite with the same session folder, or by `--sweep`.
- **for good**: the resource stays, because only the process that died knew of it. This happens to deferred steps only. Use
  `teardown.durable` for everything that lives outside of the process.

The runner is the process that the user started: the suite's own supervisor under cargo test, or cargo-nextest. A worker is the process
that runs the tests; under cargo-nextest each test has one of its own, and the supervisor is in it.

The columns of the services show the process and the folder of a private server, and the port of the mail server. On a server at a URL, they
show the lease, the user and the keys of Redis, the streams of NATS, the retained messages and the sessions of MQTT, and the virtual host and the
user of RabbitMQ. The results are the same. Every row is tested with private servers of Redis, NATS and MQTT, and with a RabbitMQ server at a
URL. Some rows are also tested with all servers at URLs (`matrix::nothing_is_left_on_servers_at_urls`), and some with a private RabbitMQ
(`matrix::nothing_is_left_of_a_private_rabbitmq`).

The project of a compose file (containers, volumes, networks and built images) has no column, because it needs a container engine. It is a session
fixture whose removal is in the ledger, so it is given back like a session fixture's `durable`. The tests are those of `compose` in
tests/containers. The queues, topics, subscriptions and buckets of AWS at a URL are given back like `durable`
(`aws::resources_of_a_killed_run_are_removed_by_the_sweep`).

A killed session server is replaced by the next process of the run that needs it or ends. If no such process comes, because the
server of a cargo-nextest run is killed after the last test, all resources stay in the ledger until the next run. A session server
that gets SIGTERM, SIGINT, SIGHUP or SIGQUIT goes on until the run is over.

A process that a test starts with a plain `Command` is ended with the test, or with the test's process if that dies. Under
cargo-nextest the session server of the run ends it (`nextest::children_of_a_crashed_test_are_ended_without_a_session`). If the
session server is killed, the end of the run or the next run ends such processes. This needs two things: the started process must
keep the environment that it got from the test process, and the session folder must be writable. Under cargo test, a run without a
session whose supervisor and workers are all killed leaves such processes **for good**.
";

/// The columns of the tables, with the resources that they show.
const COLUMNS: [(&str, Resource); 15] = [
    ("temp dir", Resource::TempDir),
    ("SQLite file", Resource::SqliteFile),
    ("child and grandchild", Resource::Child),
    ("daemon", Resource::Daemon),
    ("port", Resource::Port),
    ("Redis", Resource::Redis),
    ("NATS", Resource::Nats),
    ("MQTT", Resource::Mqtt),
    ("RabbitMQ", Resource::Rabbitmq),
    ("mail server", Resource::Mail),
    ("`durable`", Resource::Durable),
    ("session fixture's `durable`", Resource::SessionDurable),
    ("session folder and socket", Resource::Session),
    ("`defer`", Resource::Deferred),
    ("session fixture's `defer`", Resource::SessionDeferred),
];

fn page() -> Result<String> {
    let mut page = INTRODUCTION.to_owned();
    for (runner, name) in RUNNERS {
        write!(page, "\n## Under {}\n\n| how it ends | reported outcome | exit code |", words(name))?;
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

/// The runners, with their names in the names of tests.
const RUNNERS: [(Runner, &str); 2] = [(Runner::CargoTest, "cargo_test"), (Runner::Nextest, "nextest")];

fn row(path: &ExitPath, expected: &Expected) -> String {
    let left = expected.left;
    let later = if left.timeout == NOTHING.timeout { "" } else { " (after four seconds)" };
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

/// With `UPDATE_DOCS=1`, the test writes the page instead of comparing it.
#[integration_test(tags("matrix"))]
fn leftovers_page_agrees_with_the_tested_paths(dir: &TempDir) -> Result<()> {
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
    assert!(written == page, "docs/leftovers.md is out of date; UPDATE_DOCS=1 writes it:\n{page}");
    Ok(())
}
