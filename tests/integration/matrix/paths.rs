//! Every way in which a run or a test in it can end, with the expected outcome and the expected leftovers.

use std::time::Duration;

use rustix::process::Signal;

use super::resources::Resource::{
    self, Child, Daemon, Deferred, Durable, Mqtt, Nats, Port, Rabbitmq, Redis, Session, SessionDeferred,
    SessionDurable, SqliteFile, TempDir,
};

/// A way in which a run or a test ends.
#[derive(Debug)]
pub(super) struct ExitPath {
    /// The name in the names of tests and, with blanks, in the table.
    pub(super) name: &'static str,
    /// The test of the suite that ends in this way.
    pub(super) test: &'static str,
    cargo_test: Under,
    nextest: Under,
}

/// The program that the user starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    CargoTest,
    Nextest,
}

impl ExitPath {
    pub(super) fn under(&self, runner: Runner) -> &Under {
        match runner {
            Runner::CargoTest => &self.cargo_test,
            Runner::Nextest => &self.nextest,
        }
    }
}

/// The expectation for a way to end under one runner.
#[derive(Debug)]
pub(super) enum Under {
    /// A test checks these results.
    Tested(Expected),
    /// The way cannot occur under this runner, for this reason.
    Meaningless(&'static str),
}

/// The expected results of a run.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) end: End,
    /// The reported outcome of the test; empty if no process is left to report it.
    pub(super) outcome: &'static str,
    /// The exit code of the runner; `None` if a signal kills it.
    pub(super) code: Option<i32>,
    pub(super) left: Remaining,
}

/// The cause of the end.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// The test ends by itself, and the run goes on.
    Test,
    /// cargo-nextest ends the test at its time limit, and the run goes on.
    TimeLimit,
    /// The runner gets a signal.
    Signal(Signal),
    /// The runner is interrupted again and again, until it ends.
    RepeatedInterrupts,
    /// The process group of the runner is killed.
    ProcessGroup,
    /// All processes of the harness are killed at the same moment, and none of those that tests started.
    Everything,
}

/// The resources that are left after the end of the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remaining {
    /// The time that resources have to disappear after the end of the run.
    pub(super) timeout: Duration,
    /// The resources that the next run gives back.
    pub(super) until_next_run: &'static [Resource],
    /// The resources that are never given back.
    pub(super) for_good: &'static [Resource],
}

pub(super) const NOTHING: Remaining = Remaining { timeout: Duration::from_secs(2), until_next_run: &[], for_good: &[] };

/// Only its process knows a deferred step, so the step is lost with the process.
const DEFERRED: Remaining = Remaining { for_good: &[Deferred], ..NOTHING };

/// The deferred steps of session fixtures are lost with the session server.
const SERVER: Remaining = Remaining { for_good: &[SessionDeferred], ..NOTHING };

/// No process is left that could give anything back.
const EVERYTHING: Remaining = Remaining {
    until_next_run: &[
        TempDir,
        SqliteFile,
        Child,
        Daemon,
        Port,
        Redis,
        Nats,
        Mqtt,
        Rabbitmq,
        Durable,
        Session,
        SessionDurable,
    ],
    for_good: &[Deferred, SessionDeferred],
    ..NOTHING
};

const fn by(end: End, outcome: &'static str, code: i32, left: Remaining) -> Under {
    Under::Tested(Expected { end, outcome, code: Some(code), left })
}

const fn killed(end: End, left: Remaining) -> Under {
    Under::Tested(Expected { end, outcome: "", code: None, left })
}

const fn path(name: &'static str, test: &'static str, cargo_test: Under, nextest: Under) -> ExitPath {
    ExitPath { name, test, cargo_test, nextest }
}

/// The test ends by itself, and the process that took the resources gives all of them back.
const fn ends_by_itself(name: &'static str, test: &'static str, outcome: &'static str) -> ExitPath {
    path(name, test, by(End::Test, outcome, 101, NOTHING), by(End::Test, "FAIL", 100, NOTHING))
}

/// The test crashes its process.
const fn crash(name: &'static str, test: &'static str, nextest: &'static str) -> ExitPath {
    path(name, test, by(End::Test, "crashed", 101, DEFERRED), by(End::Test, nextest, 100, DEFERRED))
}

/// The test blocks its thread. Under cargo test the supervisor kills the process; under nextest the harness in the process exits.
const fn hang(name: &'static str, test: &'static str) -> ExitPath {
    path(name, test, by(End::Test, "timed_out", 101, DEFERRED), by(End::Test, "FAIL", 100, DEFERRED))
}

const INTERRUPT: End = End::Signal(Signal::INT);
const TERMINATE: End = End::Signal(Signal::TERM);
const HANG_UP: End = End::Signal(Signal::HUP);
const KILL: End = End::Signal(Signal::KILL);

/// All ways in which a run or a test can end.
pub(super) const PATHS: &[ExitPath] = &[
    path("pass", "passes", by(End::Test, "passed", 0, NOTHING), by(End::Test, "PASS", 0, NOTHING)),
    ends_by_itself("error", "fails", "failed"),
    ends_by_itself("panic", "panics", "failed"),
    ends_by_itself("panic_in_a_task", "panics_in_a_task", "failed"),
    ends_by_itself("panic_in_a_thread", "panics_in_a_thread", "failed"),
    ends_by_itself("setup_fails_half_way", "fails_in_setup", "errored"),
    ends_by_itself("arrange_fails", "fails_in_arrange", "errored"),
    ends_by_itself("timeout", "times_out", "timed_out"),
    hang("blocking_hang", "blocks"),
    hang("deadlock", "deadlocks"),
    hang("endless_loop", "never_yields"),
    ends_by_itself("teardown_fails", "fails_in_teardown", "errored"),
    ends_by_itself("teardown_panics", "panics_in_teardown", "errored"),
    ends_by_itself("teardown_hangs", "hangs_in_teardown", "timed_out"),
    hang("teardown_blocks", "blocks_in_teardown"),
    path("exit", "exits", by(End::Test, "crashed", 101, DEFERRED), by(End::Test, "FAIL", 100, DEFERRED)),
    crash("abort", "aborts", "SIGABRT"),
    crash("segmentation_fault", "writes_to_nowhere", "SIGSEGV"),
    crash("stack_overflow", "overflows_its_stack", "SIGABRT"),
    crash("worker_is_killed", "kills_itself", "SIGKILL"),
    path(
        "worker_is_stopped",
        "stops_itself",
        by(End::Test, "timed_out", 101, DEFERRED),
        // The harness is in the process that is stopped; nextest is not.
        by(End::TimeLimit, "TIMEOUT", 100, DEFERRED),
    ),
    path(
        "runner_ends_a_test",
        "blocks_until_killed",
        Under::Meaningless("it has no time limit for tests"),
        by(End::TimeLimit, "TIMEOUT", 100, DEFERRED),
    ),
    path("interrupt", "waits", by(INTERRUPT, "interrupted", 130, NOTHING), by(INTERRUPT, "FAIL", 100, NOTHING)),
    path(
        "second_interrupt",
        "blocks_until_killed",
        by(End::RepeatedInterrupts, "interrupted", 130, DEFERRED),
        by(End::RepeatedInterrupts, "SIGKILL", 100, DEFERRED),
    ),
    path("terminate", "waits", by(TERMINATE, "interrupted", 143, NOTHING), by(TERMINATE, "FAIL", 100, NOTHING)),
    path("hang_up", "waits", by(HANG_UP, "interrupted", 129, NOTHING), by(HANG_UP, "FAIL", 100, NOTHING)),
    path("runner_is_killed", "waits", killed(KILL, NOTHING), killed(KILL, NOTHING)),
    path(
        "killed_while_a_test_blocks",
        "blocks_until_killed",
        killed(KILL, DEFERRED),
        // The test has two seconds to react before its process exits.
        killed(KILL, Remaining { timeout: Duration::from_secs(4), ..DEFERRED }),
    ),
    path("process_group_is_killed", "waits", killed(End::ProcessGroup, NOTHING), killed(End::ProcessGroup, NOTHING)),
    path(
        "session_server_gets_signals",
        "sends_signals_to_the_session_server",
        by(End::Test, "passed", 0, NOTHING),
        by(End::Test, "PASS", 0, NOTHING),
    ),
    path(
        "session_server_is_killed",
        "kills_the_session_server",
        by(End::Test, "passed", 101, SERVER),
        by(End::Test, "PASS", 0, SERVER),
    ),
    path("everything_is_killed", "waits", killed(End::Everything, EVERYTHING), killed(End::Everything, EVERYTHING)),
];

/// The test of the suite for the path of this name, and the expected results.
pub(super) fn find(name: &str, runner: Runner) -> Option<(&'static str, &'static Expected)> {
    let path = PATHS.iter().find(|path| path.name == name)?;
    match path.under(runner) {
        Under::Tested(expected) => Some((path.test, expected)),
        Under::Meaningless(_) => None,
    }
}
