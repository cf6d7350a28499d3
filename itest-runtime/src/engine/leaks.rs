//! The leak check: detects the resources and the changes that a test leaves behind.

use std::fs::File;
use std::rc::Rc;
use std::time::Duration;

use super::runtimes::{Runtimes, SETTLE_DELAYS, Tasks};
use crate::inject::FixtureSetup;
use crate::model::{Isolation, Leaks};
use crate::process::{Channel, EarlierState, Leak, ProcessState, ResourceBaseline, Snapshot, Stdin, Surroundings};
use crate::session::{Footprint, SessionClient};

/// Additional delays while a leaked thread is busy or the number of leaks decreases, because these leaks may be about to end.
const SETTLE_DELAYS_WHILE_BUSY: [Duration; 10] = [Duration::from_millis(120); 10];

/// How many tasks a client may have for each connection of its pool. tonic has one task for the connection and one for its queue.
const MAX_TASKS_OF_CONNECTION: usize = 2;

/// After this many consecutive tests that changed nothing, the state of the process is checked once for several quick tests.
const MIN_UNCHANGED_TESTS: u32 = 16;

/// The facts about the end of a test that the leak check depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct TestEnd {
    /// How long the test took.
    pub(super) elapsed: Duration,
    /// Whether the test passed within microseconds.
    pub(super) is_quick: bool,
    /// Whether the worker has claimed another test.
    pub(super) is_followed: bool,
}

/// Checks for leaks after each test.
#[derive(Debug)]
pub(super) struct LeakChecker {
    leaks: Leaks,
    isolation: Isolation,
    runtimes: Rc<Runtimes>,
    /// None if leaks are ignored.
    baseline: Option<Baseline>,
    /// The process state that all tests share. It is restored even if leaks are ignored.
    state: ProcessState,
    /// The tasks that are no leaks: those that ran when the test began, and those of worker fixtures that were set up since.
    tasks: Tasks,
    /// The number of replacements of the output pipes when the baseline of files was captured.
    pipes: Option<u32>,
    /// The resources of the session in this process, which are no leaks.
    excluded: Footprint,
    /// The number of changes of the session's footprint when it was last excluded.
    footprint_changes: u32,
    /// Whether the worker has fixtures.
    has_fixtures: bool,
    /// The number of consecutive tests that changed nothing.
    unchanged_tests: u32,
    /// The number of quick tests since the last check of the process state.
    unchecked_tests: u32,
    /// The state before the setup of the worker fixture that is being set up.
    making: Option<BeforeFixture>,
}

/// The state of the process before the setup of a worker fixture. The fixtures that it depends on count as part of it.
#[derive(Debug)]
struct BeforeFixture {
    /// The number of nested fixtures that are being set up.
    depth: u32,
    snapshot: Snapshot,
    tasks: Tasks,
    state: EarlierState,
    surroundings: Option<Surroundings>,
}

/// The resources and the surroundings that are no leaks of the next test.
#[derive(Debug)]
struct Baseline {
    resources: ResourceBaseline,
    surroundings: Surroundings,
}

/// The result of a leak check.
#[derive(Debug, Default)]
pub(super) struct LeakFindings {
    /// A description of each leak.
    pub(super) leaks: Vec<String>,
    /// Whether the next test needs a new process, because a leak stays in this one.
    pub(super) needs_new_process: bool,
}

impl LeakChecker {
    pub(super) fn new(leaks: Leaks, isolation: Isolation, runtimes: &Rc<Runtimes>) -> Self {
        let capture = || Baseline { resources: ResourceBaseline::capture(), surroundings: Surroundings::capture() };
        let stdin = match isolation {
            // The file is opened before the baseline is captured, so that it is no leak of the first test.
            Isolation::Processes => File::open("/dev/null").map_or(Stdin::Inherited, Stdin::Null),
            Isolation::InProcess => Stdin::Inherited,
        };
        Self {
            leaks,
            isolation,
            runtimes: Rc::clone(runtimes),
            state: ProcessState::capture(stdin),
            baseline: (leaks != Leaks::Ignore).then(capture),
            tasks: Tasks::default(),
            pipes: None,
            excluded: Footprint::default(),
            footprint_changes: 0,
            has_fixtures: false,
            unchanged_tests: 0,
            unchecked_tests: 0,
            making: None,
        }
    }

    /// Counts the running tasks at the start of a test. If the output pipes were replaced, resets the baseline of files.
    pub(super) fn begin_test(&mut self, channel: &Channel) {
        self.tasks = self.runtimes.alive_tasks();
        let pipes = Some(channel.pipe_replacements());
        if let Some(Baseline { resources, .. }) = &mut self.baseline
            && pipes != self.pipes
        {
            resources.reset_baseline_of_files();
            self.pipes = pipes;
        }
    }

    /// Handles the beginning or the end of a worker fixture's setup. Resources opened in between belong to the fixture and are no leaks.
    pub(super) fn exclude_fixture(&mut self, making: FixtureSetup) {
        match (making, &mut self.making) {
            (FixtureSetup::Begins(_), Some(before)) => before.depth += 1,
            (FixtureSetup::Begins(_), none) => {
                *none = Some(BeforeFixture {
                    depth: 1,
                    snapshot: Snapshot::take(),
                    tasks: self.runtimes.alive_tasks(),
                    state: EarlierState::capture(),
                    surroundings: self.baseline.is_some().then(Surroundings::capture),
                });
            }
            (FixtureSetup::Ends, Some(before)) if before.depth > 1 => before.depth -= 1,
            (FixtureSetup::Ends, _) => self.end_fixture_setup(),
        }
    }

    fn end_fixture_setup(&mut self) {
        let Some(before) = self.making.take() else { return };
        self.has_fixtures = true;
        self.tasks = self.tasks.plus(self.runtimes.alive_tasks().minus(before.tasks));
        self.state.adopt_changes_since(&before.state);
        if let Some(Baseline { resources, surroundings }) = &mut self.baseline {
            resources.add_since(&before.snapshot);
            if let Some(before) = &before.surroundings {
                surroundings.adopt_changes_since(before);
            }
        }
    }

    /// Checks for leaks after teardown. `tasks_left` is the number of tasks that the test left on its own runtime.
    pub(super) fn check(&mut self, end: TestEnd, tasks_left: usize, client: &SessionClient) -> LeakFindings {
        // If the time limit has cancelled the setup of a fixture, its end is still missing.
        self.end_fixture_setup();
        let mut findings = self.restore_state(end);
        let elapsed = end.elapsed;
        let Some(Baseline { resources, surroundings }) = &mut self.baseline else {
            findings.leaks.clear();
            return findings;
        };
        if self.footprint_changes != client.footprint_changes() {
            self.footprint_changes = client.footprint_changes();
            let now = client.footprint();
            resources.exclude(now.server, now.descriptors.len().saturating_sub(self.excluded.descriptors.len()));
            self.excluded = now;
        }
        findings.add(environment_changes(surroundings, self.isolation));
        findings.leaks.extend(describe_tasks(tasks_left));
        let check = LeakCheck {
            runtimes: &self.runtimes,
            before: self.tasks,
            has_fixtures: self.has_fixtures,
            excluded: &self.excluded,
        };
        if !resources.is_unchanged(elapsed) || check.new_tasks() > 0 {
            let remaining = check.wait_until_settled(resources);
            resources.reset_baseline();
            findings.add(remaining);
        }
        findings
    }

    /// Restores the process state that the test has changed.
    ///
    /// The check takes a dozen system calls, a third of the time of an empty test. After many consecutive tests that changed nothing, one
    /// check is therefore made for all tests that the worker has claimed together, if each of them takes microseconds.
    fn restore_state(&mut self, end: TestEnd) -> LeakFindings {
        self.unchanged_tests = self.unchanged_tests.saturating_add(1);
        if self.unchanged_tests > MIN_UNCHANGED_TESTS && end.is_quick && end.is_followed {
            self.unchecked_tests += 1;
            return LeakFindings::default();
        }
        let unchecked = std::mem::take(&mut self.unchecked_tests);
        let changes = self.state.restore();
        if changes.is_empty() {
            return LeakFindings::default();
        }
        let others = match unchecked {
            0 => String::new(),
            unchecked => format!(" (changed by this test, or by one of the {unchecked} before it)"),
        };
        self.unchanged_tests = 0;
        let needs_new_process = changes.iter().any(|change| !change.is_undone);
        LeakFindings { leaks: changes.into_iter().map(|change| change.what + &others).collect(), needs_new_process }
    }

    /// Kills the remaining child processes, because the worker ends and has torn down its fixtures.
    pub(super) fn kill_leftover_processes(&mut self, client: &SessionClient) {
        if let Some(Baseline { resources, .. }) = &mut self.baseline {
            resources.exclude(client.footprint().server, 0);
            resources.kill_children();
        }
    }

    /// Whether leaks are ignored, reported, or fail the test.
    pub(super) fn policy(&self) -> Leaks {
        self.leaks
    }
}

impl LeakFindings {
    fn add(&mut self, other: Self) {
        self.needs_new_process |= other.needs_new_process;
        self.leaks.extend(other.leaks);
    }
}

/// Decides which open resources are leaks of the test.
struct LeakCheck<'a> {
    runtimes: &'a Runtimes,
    /// The tasks that are no leaks.
    before: Tasks,
    has_fixtures: bool,
    excluded: &'a Footprint,
}

impl LeakCheck<'_> {
    /// The number of tasks that the test has started and that still run.
    fn new_tasks(&self) -> usize {
        let new = self.runtimes.alive_tasks().minus(self.before);
        // Worker fixtures run their own background tasks on the harness's runtime, so these are no leaks.
        if self.has_fixtures { new.of_tests } else { new.of_tests + new.of_harness }
    }

    /// Gives the resources time to end by themselves, and returns the leaks that remain.
    fn wait_until_settled(&self, resources: &mut ResourceBaseline) -> LeakFindings {
        let (mut leaks, mut tasks) = (Vec::new(), 0);
        let mut is_decreasing = true;
        for (step, delay) in SETTLE_DELAYS.into_iter().chain(SETTLE_DELAYS_WHILE_BUSY).enumerate() {
            if step >= SETTLE_DELAYS.len() && !is_decreasing && !resources.has_busy_threads() {
                break;
            }
            if !delay.is_zero() {
                std::thread::sleep(delay);
            }
            let earlier = leaks.len() + tasks;
            (leaks, tasks) = self.current_leaks(resources);
            is_decreasing = leaks.len() + tasks < earlier;
            if leaks.is_empty() && tasks == 0 {
                break;
            }
        }
        let leaks: Vec<_> = leaks.iter().map(Leak::in_words).chain(describe_tasks(tasks)).collect();
        LeakFindings { needs_new_process: !leaks.is_empty(), leaks }
    }

    /// The current leaks, and the number of leaked tasks.
    fn current_leaks(&self, resources: &ResourceBaseline) -> (Vec<Leak>, usize) {
        let (connections, mut leaks): (Vec<_>, Vec<_>) =
            resources.added(&self.excluded.descriptors).into_iter().partition(Leak::is_connection);
        if !self.has_fixtures {
            leaks.extend(connections);
            return (leaks, self.new_tasks());
        }
        // The connection pool of a worker fixture may grow during a test. A new connection is no leak, and neither are its tasks.
        (leaks, self.new_tasks().saturating_sub(MAX_TASKS_OF_CONNECTION * connections.len()))
    }
}

/// The changes of environment variables and of the working directory. They are not restored, because the worker process is replaced.
fn environment_changes(surroundings: &Surroundings, isolation: Isolation) -> LeakFindings {
    let mut leaks: Vec<String> = Vec::new();
    let variables = surroundings.changed_variables();
    leaks.extend(variables.iter().map(|name| format!("a changed environment variable ({name})")));
    if let Some(directory) = surroundings.changed_directory() {
        leaks.push(format!("a changed working directory ({directory})"));
        if isolation == Isolation::InProcess {
            // This fails if the directory was removed. The next test then fails when it uses its working directory.
            let _ = surroundings.restore_directory();
        }
    }
    LeakFindings { needs_new_process: !leaks.is_empty(), leaks }
}

fn describe_tasks(tasks: usize) -> Option<String> {
    match tasks {
        0 => None,
        1 => Some("a running task".to_owned()),
        tasks => Some(format!("{tasks} running tasks")),
    }
}
