//! What a test leaves behind, found out when it is over.

use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use super::runtimes::{Runtimes, SETTLING, Tasks};
use crate::inject::FixtureSetup;
use crate::model::{Isolation, Leaks};
use crate::process::{Channel, EarlierState, Leak, ProcessState, ResourceBaseline, Snapshot, Stdin, Surroundings};
use crate::session::{Footprint, SessionClient};

/// Further waiting steps while a leaked thread is busy, or while the leaks become fewer: on a loaded machine they may be about to end.
const SETTLING_WHILE_BUSY: [Duration; 10] = [Duration::from_millis(120); 10];

/// How many tasks a client may have for each connection of its pool: tonic has one for the connection and one for its queue.
const MAX_TASKS_OF_CONNECTION: usize = 2;

/// After so many tests in a row that changed nothing, the state of the process is checked once for several quick ones.
const MIN_STREAK: u32 = 32;

/// How a test ended, as far as that decides what is checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct TestEnd {
    /// How long the test took.
    pub(super) elapsed: Duration,
    /// Whether it took microseconds, and passed.
    pub(super) is_quick: bool,
    /// Whether the worker has claimed another test.
    pub(super) is_followed: bool,
}

/// Checks after each test what it has left behind.
#[derive(Debug)]
pub(super) struct LeakWatch {
    leaks: Leaks,
    isolation: Isolation,
    runtimes: Rc<Runtimes>,
    watched: Option<Watched>,
    /// What tests share in the process; it is restored also where leaks are ignored.
    state: ProcessState,
    /// The tasks that were there when the test began, and those of worker fixtures that were made since.
    tasks: Tasks,
    /// How often the output pipes had been exchanged when the baseline of files was taken.
    pipes: Option<u32>,
    /// What the session takes in this process, which is no test's leak.
    excluded: Footprint,
    /// How often the session's footprint had changed when it was excluded.
    footprint_changes: u32,
    /// Whether the worker has fixtures.
    has_fixtures: bool,
    /// How many tests in a row have changed nothing.
    streak: u32,
    /// For how many quick tests the state of the process has not been checked yet.
    unchecked: u32,
    /// The worker fixture that is being made.
    making: Option<BeforeFixture>,
}

/// What there was when a worker fixture began to be made; the fixtures that it asks for belong to it.
#[derive(Debug)]
struct BeforeFixture {
    /// How many fixtures are being made, one within the other.
    depth: u32,
    snapshot: Snapshot,
    tasks: Tasks,
    state: EarlierState,
    surroundings: Option<Surroundings>,
}

#[derive(Debug)]
struct Watched {
    residue: ResourceBaseline,
    surroundings: Surroundings,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In words.
    pub(super) leaks: Vec<String>,
    /// Whether the next test needs another process.
    pub(super) spoils: bool,
}

impl LeakWatch {
    pub(super) fn new(leaks: Leaks, isolation: Isolation, runtimes: &Rc<Runtimes>) -> Self {
        let capture = || Watched { residue: ResourceBaseline::capture(), surroundings: Surroundings::capture() };
        let stdin = match isolation {
            // Opened before the first look, so that it is there from the beginning.
            Isolation::Processes => File::open("/dev/null").map_or(Stdin::Inherited, Stdin::Null),
            Isolation::InProcess => Stdin::Inherited,
        };
        Self {
            leaks,
            isolation,
            runtimes: Rc::clone(runtimes),
            state: ProcessState::capture(stdin),
            watched: (leaks != Leaks::Ignore).then(capture),
            tasks: Tasks::default(),
            pipes: None,
            excluded: Footprint::default(),
            footprint_changes: 0,
            has_fixtures: false,
            streak: 0,
            unchecked: 0,
            making: None,
        }
    }

    /// A test begins.
    pub(super) fn begin(&mut self, channel: &Channel) {
        self.tasks = self.runtimes.alive_tasks();
        let pipes = Some(channel.pipe_replacements());
        if let Some(Watched { residue, .. }) = &mut self.watched
            && pipes != self.pipes
        {
            residue.reset_baseline_of_files();
            self.pipes = pipes;
        }
    }

    /// A worker fixture is about to be made, or was made: what it opens meanwhile is its own, for as long as the worker lives.
    pub(super) fn attribute(&mut self, making: FixtureSetup) {
        match (making, &mut self.making) {
            (FixtureSetup::Begins, Some(before)) => before.depth += 1,
            (FixtureSetup::Begins, none) => {
                *none = Some(BeforeFixture {
                    depth: 1,
                    snapshot: Snapshot::take(),
                    tasks: self.runtimes.alive_tasks(),
                    state: EarlierState::capture(),
                    surroundings: self.watched.is_some().then(Surroundings::capture),
                });
            }
            (FixtureSetup::Ends, Some(before)) if before.depth > 1 => before.depth -= 1,
            (FixtureSetup::Ends, _) => self.end_making(),
        }
    }

    fn end_making(&mut self) {
        let Some(before) = self.making.take() else { return };
        self.has_fixtures = true;
        self.tasks = self.tasks.plus(self.runtimes.alive_tasks().minus(before.tasks));
        self.state.adopt_changes_since(&before.state);
        if let Some(Watched { residue, surroundings }) = &mut self.watched {
            residue.add_since(&before.snapshot);
            if let Some(before) = &before.surroundings {
                surroundings.adopt_changes_since(before);
            }
        }
    }

    /// Checks for leaks, after teardown. `tasks_left` counts the tasks that the test has left on a runtime of its own.
    pub(super) fn check(&mut self, end: TestEnd, tasks_left: usize, client: &SessionClient) -> Found {
        // The time limit may have cut off a fixture.
        self.end_making();
        let mut found = self.put_back_state(end);
        let elapsed = end.elapsed;
        let Some(Watched { residue, surroundings }) = &mut self.watched else {
            found.leaks.clear();
            return found;
        };
        if self.footprint_changes != client.footprint_changes() {
            self.footprint_changes = client.footprint_changes();
            let now = client.footprint();
            residue.exclude(now.server, now.descriptors.len().saturating_sub(self.excluded.descriptors.len()));
            self.excluded = now;
        }
        found.add(changes_around(surroundings, self.isolation));
        found.leaks.extend(tasks_in_words(tasks_left));
        let check = Check {
            runtimes: &self.runtimes,
            before: self.tasks,
            has_fixtures: self.has_fixtures,
            excluded: &self.excluded,
        };
        if !residue.is_unchanged(elapsed) || check.tasks() > 0 {
            let left = check.until_settled(residue);
            residue.reset_baseline();
            found.add(left);
        }
        found
    }

    /// Restores what the test has changed in its process.
    ///
    /// That takes a dozen system calls, a third of the time of an empty test. In a long row of tests of which none has changed anything, the
    /// check is therefore made once for tests that the worker has claimed together, if each of them takes microseconds.
    fn put_back_state(&mut self, end: TestEnd) -> Found {
        self.streak = self.streak.saturating_add(1);
        if self.streak > MIN_STREAK && end.is_quick && end.is_followed {
            self.unchecked += 1;
            return Found::default();
        }
        let unchecked = std::mem::take(&mut self.unchecked);
        let changes = self.state.restore();
        if changes.is_empty() {
            return Found::default();
        }
        let others = match unchecked {
            0 => String::new(),
            unchecked => format!(" (changed by this test, or by one of the {unchecked} before it)"),
        };
        self.streak = 0;
        let spoils = changes.iter().any(|change| !change.is_undone);
        Found { leaks: changes.into_iter().map(|change| change.what + &others).collect(), spoils }
    }

    /// The worker is about to leave, and its own fixtures are given back: what is still there is no fixture's and no test's.
    pub(super) fn end(&mut self, client: &SessionClient) {
        if let Some(Watched { residue, .. }) = &mut self.watched {
            residue.exclude(client.footprint().server, 0);
            residue.kill_children();
        }
    }

    /// What becomes of a test that left something.
    pub(super) fn policy(&self) -> Leaks {
        self.leaks
    }
}

impl Found {
    fn add(&mut self, other: Self) {
        self.spoils |= other.spoils;
        self.leaks.extend(other.leaks);
    }
}

/// Decides what of the things that a test has opened is its leak.
struct Check<'a> {
    runtimes: &'a Runtimes,
    /// The tasks that are not the test's.
    before: Tasks,
    has_fixtures: bool,
    excluded: &'a Footprint,
}

impl Check<'_> {
    /// The tasks that were not there before.
    fn tasks(&self) -> usize {
        let new = self.runtimes.alive_tasks().minus(self.before);
        // Fixtures of the worker have work done on the harness's runtime, behind the tests.
        if self.has_fixtures { new.of_tests } else { new.of_tests + new.of_harness }
    }

    /// The leaks that remain after everything has had time to end by itself.
    fn until_settled(&self, residue: &mut ResourceBaseline) -> Found {
        let (mut leaks, mut tasks) = (Vec::new(), 0);
        let mut are_fewer = true;
        for (turn, wait) in SETTLING.into_iter().chain(SETTLING_WHILE_BUSY).enumerate() {
            if turn >= SETTLING.len() && !are_fewer && !residue.has_busy_threads() {
                break;
            }
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            let earlier = leaks.len() + tasks;
            (leaks, tasks) = self.once(residue);
            are_fewer = leaks.len() + tasks < earlier;
            if leaks.is_empty() && tasks == 0 {
                break;
            }
        }
        let leaks: Vec<_> = leaks.iter().map(Leak::in_words).chain(tasks_in_words(tasks)).collect();
        Found { spoils: !leaks.is_empty(), leaks }
    }

    /// The leaks of this moment, and the number of tasks.
    fn once(&self, residue: &ResourceBaseline) -> (Vec<Leak>, usize) {
        let (connections, mut left): (Vec<_>, Vec<_>) =
            residue.added(&self.excluded.descriptors).into_iter().partition(Leak::is_connection);
        if !self.has_fixtures {
            left.extend(connections);
            return (left, self.tasks());
        }
        // The pool of a worker fixture grows when a test needs another connection, which may have tasks of its own.
        (left, self.tasks().saturating_sub(MAX_TASKS_OF_CONNECTION * connections.len()))
    }
}

/// What the test has changed in the environment and the working directory. They are not restored: the worker process is replaced.
fn changes_around(surroundings: &Surroundings, isolation: Isolation) -> Found {
    let mut leaks: Vec<String> = Vec::new();
    let variables = surroundings.changed_variables();
    leaks.extend(variables.iter().map(|name| format!("a changed environment variable ({name})")));
    if let Some(directory) = surroundings.changed_directory() {
        leaks.push(format!("a changed working directory ({directory})"));
        if isolation == Isolation::InProcess {
            // If the directory was removed, the next test fails at its first access.
            let _ = surroundings.restore_directory();
        }
    }
    Found { spoils: !leaks.is_empty(), leaks }
}

fn tasks_in_words(tasks: usize) -> Option<String> {
    match tasks {
        0 => None,
        1 => Some("a running task".to_owned()),
        tasks => Some(format!("{tasks} running tasks")),
    }
}
