//! Every way in which a run, or a test in it, can end: what comes of it, and what is left.

use std::time::Duration;

use rustix::process::Signal;

use super::resources::Resource::{
    self, Child, Daemon, Deferred, Durable, Port, Session, SessionDeferred, SessionDurable, SqliteFile, TempDir,
};

/// A way to end.
#[derive(Debug)]
pub(super) struct ExitPath {
    /// In the names of tests; with blanks, in the table.
    pub(super) name: &'static str,
    /// The suite's test that goes this way.
    pub(super) test: &'static str,
    cargo_test: Under,
    nextest: Under,
}

/// What the user starts.
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

/// What there is to say of a way to end under one runner.
#[derive(Debug)]
pub(super) enum Under {
    Tested(Expected),
    /// And the reason for that.
    Meaningless(&'static str),
}

/// What comes of it.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) end: End,
    /// What is said of the test; nothing, if nobody is left to say it.
    pub(super) outcome: &'static str,
    /// None: it dies by a signal.
    pub(super) code: Option<i32>,
    pub(super) left: Left,
}

/// Who brings the end about.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// The test does; the run goes on.
    Test,
    /// cargo-nextest does, when the test's time is up; the run goes on.
    TimeLimit,
    /// The process that the user started is sent a signal.
    Signal(Signal),
    /// It is interrupted again and again, until it ends.
    Impatience,
    /// Its process group is killed.
    Group,
    /// All processes of the harness are killed at the same moment, and none of those that tests started.
    Everything,
}

/// What is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// What is on its way out when the run ends has so long for it.
    pub(super) patience: Duration,
    /// The next run gives it back.
    pub(super) until_next_run: &'static [Resource],
    /// Nobody ever does.
    pub(super) for_good: &'static [Resource],
}

pub(super) const NOTHING: Left = Left { patience: Duration::from_secs(2), until_next_run: &[], for_good: &[] };

/// A deferred step is known to its process only, and dies with it.
const DEFERRED: Left = Left { for_good: &[Deferred], ..NOTHING };

/// With the server, what it only knew itself is lost.
const SERVER: Left = Left { for_good: &[SessionDeferred], ..NOTHING };

/// Nobody is left to do anything.
const EVERYTHING: Left = Left {
    until_next_run: &[TempDir, SqliteFile, Child, Daemon, Port, Durable, Session, SessionDurable],
    for_good: &[Deferred, SessionDeferred],
    ..NOTHING
};

const fn by(end: End, outcome: &'static str, code: i32, left: Left) -> Under {
    Under::Tested(Expected { end, outcome, code: Some(code), left })
}

const fn killed(end: End, left: Left) -> Under {
    Under::Tested(Expected { end, outcome: "", code: None, left })
}

const fn path(name: &'static str, test: &'static str, cargo_test: Under, nextest: Under) -> ExitPath {
    ExitPath { name, test, cargo_test, nextest }
}

/// The test ends by itself, and everything is given back by whoever took it.
const fn in_good_order(name: &'static str, test: &'static str, outcome: &'static str) -> ExitPath {
    path(name, test, by(End::Test, outcome, 101, NOTHING), by(End::Test, "FAIL", 100, NOTHING))
}

/// The test takes its process with it.
const fn crash(name: &'static str, test: &'static str, nextest: &'static str) -> ExitPath {
    path(name, test, by(End::Test, "crashed", 101, DEFERRED), by(End::Test, nextest, 100, DEFERRED))
}

/// The test keeps its thread to itself. Its process is killed; under nextest, where the harness is in it, it leaves by itself.
const fn hang(name: &'static str, test: &'static str) -> ExitPath {
    path(name, test, by(End::Test, "timed_out", 101, DEFERRED), by(End::Test, "FAIL", 100, DEFERRED))
}

const INTERRUPT: End = End::Signal(Signal::INT);
const TERMINATE: End = End::Signal(Signal::TERM);
const HANG_UP: End = End::Signal(Signal::HUP);
const KILL: End = End::Signal(Signal::KILL);

/// All of them.
pub(super) const PATHS: &[ExitPath] = &[
    path("pass", "passes", by(End::Test, "passed", 0, NOTHING), by(End::Test, "PASS", 0, NOTHING)),
    in_good_order("error", "fails", "failed"),
    in_good_order("panic", "panics", "failed"),
    in_good_order("panic_in_a_task", "panics_in_a_task", "failed"),
    in_good_order("panic_in_a_thread", "panics_in_a_thread", "failed"),
    in_good_order("setup_fails_half_way", "fails_in_setup", "errored"),
    in_good_order("arrange_fails", "fails_in_arrange", "errored"),
    in_good_order("timeout", "times_out", "timed_out"),
    hang("blocking_hang", "blocks"),
    hang("deadlock", "deadlocks"),
    hang("endless_loop", "never_yields"),
    in_good_order("teardown_fails", "fails_in_teardown", "errored"),
    in_good_order("teardown_panics", "panics_in_teardown", "errored"),
    in_good_order("teardown_hangs", "hangs_in_teardown", "timed_out"),
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
        "does_not_listen",
        Under::Meaningless("it has no time limit for tests"),
        by(End::TimeLimit, "TIMEOUT", 100, DEFERRED),
    ),
    path("interrupt", "waits", by(INTERRUPT, "interrupted", 130, NOTHING), by(INTERRUPT, "FAIL", 100, NOTHING)),
    path(
        "second_interrupt",
        "does_not_listen",
        by(End::Impatience, "interrupted", 130, DEFERRED),
        by(End::Impatience, "SIGKILL", 100, DEFERRED),
    ),
    path("terminate", "waits", by(TERMINATE, "interrupted", 143, NOTHING), by(TERMINATE, "FAIL", 100, NOTHING)),
    path("hang_up", "waits", by(HANG_UP, "interrupted", 129, NOTHING), by(HANG_UP, "FAIL", 100, NOTHING)),
    path("runner_is_killed", "waits", killed(KILL, NOTHING), killed(KILL, NOTHING)),
    path(
        "killed_while_a_test_blocks",
        "does_not_listen",
        killed(KILL, DEFERRED),
        // The test has two seconds to notice before its process leaves.
        killed(KILL, Left { patience: Duration::from_secs(4), ..DEFERRED }),
    ),
    path("process_group_is_killed", "waits", killed(End::Group, NOTHING), killed(End::Group, NOTHING)),
    path(
        "session_server_is_asked_to_end",
        "asks_the_session_to_end",
        by(End::Test, "passed", 0, NOTHING),
        by(End::Test, "PASS", 0, NOTHING),
    ),
    path(
        "session_server_is_killed",
        "kills_the_session",
        by(End::Test, "passed", 101, SERVER),
        by(End::Test, "PASS", 0, SERVER),
    ),
    path("everything_is_killed", "waits", killed(End::Everything, EVERYTHING), killed(End::Everything, EVERYTHING)),
];

/// The suite's test that goes the way of this name, and what comes of it.
pub(super) fn find(name: &str, runner: Runner) -> Option<(&'static str, &'static Expected)> {
    let path = PATHS.iter().find(|path| path.name == name)?;
    match path.under(runner) {
        Under::Tested(expected) => Some((path.test, expected)),
        Under::Meaningless(_) => None,
    }
}
