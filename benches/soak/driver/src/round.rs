//! One round: it starts a run, performs an action on it, and checks for leftovers.

use std::path::Path;
use std::time::{Duration, Instant};

use figures::Failure;

use crate::action::{Action, Hit, Sent, Target};
use crate::leftovers::{find, settle};
use crate::nextest::Nextest;
use crate::processes::kill_stopped;
use crate::random::Random;
use crate::stage::{Run, Stage, TEST_TIMEOUT};
use crate::verdict::{Expected, harm, harm_under_nextest};

/// The time limit for processes that give resources back in the background.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit of a run. It is long, because a worker that was stopped while it waited for the session server has eight times the
/// limit of a setup.
const RUN_TIMEOUT: Duration = Duration::from_secs(90);

/// The suite of the rounds.
#[derive(Debug)]
pub(crate) struct Suite<'s> {
    pub(crate) program: &'s Path,
    pub(crate) nextest: Option<&'s Nextest>,
    /// The duration of a run without an action.
    pub(crate) typical: Duration,
}

/// The runner of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Runner {
    CargoTest,
    Nextest,
}

impl Runner {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CargoTest => "cargo test",
            Self::Nextest => "cargo-nextest",
        }
    }
}

/// A round, with its results.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) number: u32,
    pub(crate) runner: Runner,
    pub(crate) action: Action,
    /// The time from the start of the run to the action.
    pub(crate) moment: Duration,
    pub(crate) hit: Hit,
    /// Whether a second run ran at the same time.
    pub(crate) beside: bool,
    /// The time from the death of the supervisor until nothing was left.
    pub(crate) cleared: Option<Duration>,
    /// The number of leftovers that only the next start could remove.
    pub(crate) before_next_start: Option<usize>,
    /// The findings: leftovers and failures.
    pub(crate) findings: Vec<String>,
}

impl Round {
    pub(crate) fn draw(number: u32, suite: &Suite<'_>, random: &mut Random) -> Self {
        let action = Action::draw(random);
        let runner = if random.percent(30) && suite.nextest.is_some() { Runner::Nextest } else { Runner::CargoTest };
        let typical = suite.typical;
        let moment = match random.below(20) {
            0 => Duration::ZERO,
            // A log-uniform distribution prefers the start of the run, so some moments are uniform over the whole run.
            1..8 => random.uniform(typical),
            _ => random.log_uniform(Duration::from_millis(1), typical),
        };
        let beside = random.percent(25);
        let (cleared, before_next_start, findings) = (None, None, Vec::new());
        Self { number, runner, action, moment, hit: Hit::Missed, beside, cleared, before_next_start, findings }
    }

    /// Executes the round.
    pub(crate) fn execute(&mut self, suite: &Suite<'_>, stage: &Stage, random: &mut Random) -> Result<(), Failure> {
        let program = suite.program;
        let beside = self.beside.then(|| stage.start("beside", program, &settings_of_second_run(random)));
        let mut second_run = beside.transpose()?;
        if second_run.is_some() && random.percent(50) {
            std::thread::sleep(random.uniform(Duration::from_millis(500)));
        }
        let mut run = match (self.runner, suite.nextest) {
            (Runner::Nextest, Some(nextest)) => stage.start_nextest("run", nextest, &settings_of_nextest(random))?,
            _ => stage.start("run", program, &settings(random))?,
        };
        std::thread::sleep(self.moment);
        self.hit = self.action.perform(&mut run, random);
        let acted_at = Instant::now();
        let is_measured = self.action.is_runners_death() && self.runner == Runner::CargoTest;
        if is_measured && self.hit == Hit::Done && second_run.is_none() {
            let _ = run.wait(RUN_TIMEOUT)?;
            if settle(stage, RECOVERY_TIMEOUT).is_empty() {
                self.cleared = Some(acted_at.elapsed());
            }
        }
        if second_run.is_some() && self.action.needs_next_start() && random.percent(50) {
            // A sweep while the second run is alive must only remove the resources of the dead run.
            let _ = run.wait(RUN_TIMEOUT)?;
            self.next_start("early", &["--sweep"], program, stage)?;
        }
        self.wait_for_end("the run", &mut run, stage)?;
        if self.hit == Hit::Missed || self.action == Action::Nothing {
            self.findings.extend(match self.runner {
                Runner::CargoTest => harm(&run.events(), Expected::GreenAndRed),
                Runner::Nextest => harm_under_nextest(&run.output()),
            });
        }
        if let Some(second_run) = &mut second_run {
            self.wait_for_end("the second run", second_run, stage)?;
            let harmed = harm(&second_run.events(), Expected::Green);
            self.findings.extend(harmed.into_iter().map(|harm| format!("the second run was affected: {harm}")));
        }
        self.check_leftovers(program, stage, random)?;
        Ok(())
    }

    fn wait_for_end(&mut self, who: &str, run: &mut Run, stage: &Stage) -> Result<(), Failure> {
        if run.wait(RUN_TIMEOUT)?.is_none() {
            let left = find(stage).join("\n      ");
            self.findings.push(format!("{who} did not end within {RUN_TIMEOUT:?}; there is\n      {left}"));
            kill_stopped(&run.mark, |_| true);
            let _ = run.wait(RUN_TIMEOUT)?;
        }
        Ok(())
    }

    /// Adds leftovers to the findings. If no process of the run could give them back, only leftovers after the next start count.
    fn check_leftovers(&mut self, suite: &Path, stage: &Stage, random: &mut Random) -> Result<(), Failure> {
        let may_wait = (self.action.needs_next_start() || self.may_be_late_end_of_server()) && self.hit == Hit::Done;
        // If everything was killed, no process is left that would remove anything later.
        let left =
            if may_wait && self.action.needs_next_start() { find(stage) } else { settle(stage, RECOVERY_TIMEOUT) };
        if left.is_empty() {
            return Ok(());
        }
        let start: &[&str] = if random.percent(50) { &["--sweep"] } else { &["green::has_nothing"] };
        self.before_next_start = may_wait.then_some(left.len());
        self.next_start("next", start, suite, stage)?;
        let later = settle(stage, RECOVERY_TIMEOUT);
        if !may_wait {
            let fate = if later.is_empty() { "gone after the next start" } else { "and some of it stayed" };
            self.findings.push(format!("left after {RECOVERY_TIMEOUT:?}, {fate}:\n      {}", left.join("\n      ")));
        } else if !later.is_empty() {
            self.findings.push(format!("left after the next start:\n      {}", later.join("\n      ")));
        }
        Ok(())
    }

    /// Under nextest the next process that ends or needs the server replaces a killed server and continues a stopped one. After the last
    /// process, nothing does.
    fn may_be_late_end_of_server(&self) -> bool {
        let ends = [Sent::Kill, Sent::Stop].map(|sent| Action::Send(sent, Target::Server));
        self.runner == Runner::Nextest && ends.contains(&self.action)
    }

    fn next_start(&mut self, name: &str, arguments: &[&str], suite: &Path, stage: &Stage) -> Result<(), Failure> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut run = stage.start(name, suite, &arguments)?;
        match run.wait(RUN_TIMEOUT)? {
            Some(status) if status.success() => {}
            Some(status) => {
                self.findings.push(format!("the next start {arguments:?} failed ({status}): {}", run.output().trim()));
            }
            None => self.wait_for_end("the next start", &mut run, stage)?,
        }
        Ok(())
    }
}

/// Random settings of the run on which the action is performed.
fn settings(random: &mut Random) -> Vec<String> {
    let jobs = (random.below(3) + 2).to_string();
    let seed = random.below(1_000_000).to_string();
    let mut settings = vec!["--format", "json", "--jobs", &jobs, "--seed", &seed];
    for setting in ["--timeout", "--setup-timeout", "--teardown-timeout"] {
        settings.extend([setting, TEST_TIMEOUT]);
    }
    settings.extend(["--leaks", random.one_of(&["warn", "fail"]).unwrap_or(&"warn")]);
    settings.extend(["--order", random.one_of(&["random", "random", "declared", "reverse"]).unwrap_or(&"random")]);
    if random.percent(20) {
        settings.extend(["--retries", "1"]);
    }
    settings.into_iter().map(str::to_owned).collect()
}

/// Random settings of a run under cargo-nextest: a partition of the suite, which takes about as long as the whole suite under cargo test.
fn settings_of_nextest(random: &mut Random) -> Vec<String> {
    let threads = (random.below(3) + 2).to_string();
    let part = format!("hash:{}/4", random.below(4) + 1);
    ["--test-threads", &threads, "--partition", &part].map(str::to_owned).to_vec()
}

/// Random settings of the second run, in which all tests must pass.
fn settings_of_second_run(random: &mut Random) -> Vec<String> {
    let jobs = (random.below(3) + 2).to_string();
    let settings = ["--format", "json", "--tag", "!red", "--leaks", "fail", "--jobs", &jobs];
    settings.map(str::to_owned).to_vec()
}
