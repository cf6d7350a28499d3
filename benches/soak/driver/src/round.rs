//! One round: a run is started, something is done to it, and what is left is looked at.

use std::path::Path;
use std::time::{Duration, Instant};

use figures::Failure;

use crate::action::{Action, Hit, Sent, Target};
use crate::leftovers::{find, settle};
use crate::nextest::Nextest;
use crate::processes::kill_stopped;
use crate::random::Random;
use crate::stage::{LIMIT_OF_TEST, Run, Stage};
use crate::verdict::{Expected, harm, harm_under_nextest};

/// What gives back in the background has so long for it.
const BACKGROUND: Duration = Duration::from_secs(5);

/// No run takes longer, whatever happens to it: a worker that was stopped while it waited for the session's server has eight
/// times the limit of a setup.
const LIMIT: Duration = Duration::from_secs(90);

/// What a round is played with.
#[derive(Debug)]
pub(crate) struct Suite<'s> {
    pub(crate) program: &'s Path,
    pub(crate) nextest: Option<&'s Nextest>,
    /// How long a run takes to which nothing is done.
    pub(crate) typical: Duration,
}

/// What runs the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Runner {
    CargoTest,
    Nextest,
}

impl Runner {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::CargoTest => "cargo test",
            Self::Nextest => "cargo-nextest",
        }
    }
}

/// What came of a round.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) number: u32,
    pub(crate) runner: Runner,
    pub(crate) action: Action,
    /// From the run's start to the action.
    pub(crate) moment: Duration,
    pub(crate) hit: Hit,
    /// A second run went on beside it.
    pub(crate) beside: bool,
    /// From the death of the supervisor to the moment when nothing was left.
    pub(crate) cleared: Option<Duration>,
    /// How many things the next start found, where there was nobody else to give them back.
    pub(crate) before_next_start: Option<usize>,
    /// What should not be.
    pub(crate) findings: Vec<String>,
}

impl Round {
    pub(crate) fn draw(number: u32, suite: &Suite<'_>, random: &mut Random) -> Self {
        let action = Action::draw(random);
        let runner = if random.percent(30) && suite.nextest.is_some() { Runner::Nextest } else { Runner::CargoTest };
        let typical = suite.typical;
        let moment = match random.below(20) {
            0 => Duration::ZERO,
            // Most of a log-uniform distribution lies in the start; the rest of a run is not to be forgotten.
            1..8 => random.uniform(typical),
            _ => random.log_uniform(Duration::from_millis(1), typical),
        };
        let beside = random.percent(25);
        let (cleared, before_next_start, findings) = (None, None, Vec::new());
        Self { number, runner, action, moment, hit: Hit::Missed, beside, cleared, before_next_start, findings }
    }

    /// Plays it.
    pub(crate) fn play(&mut self, suite: &Suite<'_>, stage: &Stage, random: &mut Random) -> Result<(), Failure> {
        let program = suite.program;
        let beside = self.beside.then(|| stage.start("beside", program, &of_neighbour(random)));
        let mut neighbour = beside.transpose()?;
        if neighbour.is_some() && random.percent(50) {
            std::thread::sleep(random.uniform(Duration::from_millis(500)));
        }
        let mut run = match (self.runner, suite.nextest) {
            (Runner::Nextest, Some(nextest)) => stage.start_nextest("run", nextest, &settings_of_nextest(random))?,
            _ => stage.start("run", program, &settings(random))?,
        };
        std::thread::sleep(self.moment);
        self.hit = self.action.perform(&mut run, random);
        let struck = Instant::now();
        let is_measured = self.action.is_runners_death() && self.runner == Runner::CargoTest;
        if is_measured && self.hit == Hit::Done && neighbour.is_none() {
            let _ = run.wait(LIMIT)?;
            if settle(stage, BACKGROUND).is_empty() {
                self.cleared = Some(struck.elapsed());
            }
        }
        if neighbour.is_some() && self.action.needs_next_start() && random.percent(50) {
            // Beside a living run: what is swept is what is dead.
            let _ = run.wait(LIMIT)?;
            self.next_start("early", &["--sweep"], program, stage)?;
        }
        self.see_out("the run", &mut run, stage)?;
        if self.hit == Hit::Missed || self.action == Action::Nothing {
            self.findings.extend(match self.runner {
                Runner::CargoTest => harm(&run.events(), Expected::GreenAndRed),
                Runner::Nextest => harm_under_nextest(&run.output()),
            });
        }
        if let Some(neighbour) = &mut neighbour {
            self.see_out("the run beside it", neighbour, stage)?;
            let harmed = harm(&neighbour.events(), Expected::Green);
            self.findings.extend(harmed.into_iter().map(|harm| format!("the run beside it was harmed: {harm}")));
        }
        self.check_leftovers(program, stage, random)?;
        Ok(())
    }

    fn see_out(&mut self, who: &str, run: &mut Run, stage: &Stage) -> Result<(), Failure> {
        if run.wait(LIMIT)?.is_none() {
            let left = find(stage).join("\n      ");
            self.findings.push(format!("{who} did not end within {LIMIT:?}; there is\n      {left}"));
            kill_stopped(&run.mark, |_| true);
            let _ = run.wait(LIMIT)?;
        }
        Ok(())
    }

    /// Notes what is left, after the next start if no process of the run could give it back.
    fn check_leftovers(&mut self, suite: &Path, stage: &Stage, random: &mut Random) -> Result<(), Failure> {
        let may_wait = (self.action.needs_next_start() || self.is_late_death_of_server()) && self.hit == Hit::Done;
        // Where everything was killed, there is no process that one could wait for.
        let left = if may_wait && self.action.needs_next_start() { find(stage) } else { settle(stage, BACKGROUND) };
        if left.is_empty() {
            return Ok(());
        }
        let start: &[&str] = if random.percent(50) { &["--sweep"] } else { &["green::has_nothing"] };
        self.before_next_start = may_wait.then_some(left.len());
        self.next_start("next", start, suite, stage)?;
        let later = settle(stage, BACKGROUND);
        if !may_wait {
            let fate = if later.is_empty() { "gone after the next start" } else { "and some of it later, too" };
            self.findings.push(format!("left after {BACKGROUND:?}, {fate}:\n      {}", left.join("\n      ")));
        } else if !later.is_empty() {
            self.findings.push(format!("left after the next start:\n      {}", later.join("\n      ")));
        }
        Ok(())
    }

    /// Under nextest, a server is replaced by the next process that ends or needs it. After the last one there is none.
    fn is_late_death_of_server(&self) -> bool {
        self.runner == Runner::Nextest && self.action == Action::Send(Sent::Kill, Target::Server)
    }

    fn next_start(&mut self, name: &str, arguments: &[&str], suite: &Path, stage: &Stage) -> Result<(), Failure> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut run = stage.start(name, suite, &arguments)?;
        match run.wait(LIMIT)? {
            Some(status) if status.success() => {}
            Some(status) => {
                self.findings.push(format!("the next start {arguments:?} failed ({status}): {}", run.output().trim()));
            }
            None => self.see_out("the next start", &mut run, stage)?,
        }
        Ok(())
    }
}

/// Random settings of the run that something is done to.
fn settings(random: &mut Random) -> Vec<String> {
    let jobs = (random.below(3) + 2).to_string();
    let seed = random.below(1_000_000).to_string();
    let mut settings = vec!["--format", "json", "--jobs", &jobs, "--seed", &seed];
    for setting in ["--timeout", "--setup-timeout", "--teardown-timeout"] {
        settings.extend([setting, LIMIT_OF_TEST]);
    }
    settings.extend(["--leaks", random.one_of(&["warn", "fail"]).unwrap_or(&"warn")]);
    settings.extend(["--order", random.one_of(&["random", "random", "declared", "reverse"]).unwrap_or(&"random")]);
    if random.percent(20) {
        settings.extend(["--retries", "1"]);
    }
    settings.into_iter().map(str::to_owned).collect()
}

/// Random settings of a run under cargo-nextest: a part of the suite, which takes as long there as all of it elsewhere.
fn settings_of_nextest(random: &mut Random) -> Vec<String> {
    let threads = (random.below(3) + 2).to_string();
    let part = format!("hash:{}/4", random.below(4) + 1);
    ["--test-threads", &threads, "--partition", &part].map(str::to_owned).to_vec()
}

/// Random settings of the run beside it, of which everything has to pass.
fn of_neighbour(random: &mut Random) -> Vec<String> {
    let jobs = (random.below(3) + 2).to_string();
    let settings = ["--format", "json", "--tag", "!red", "--leaks", "fail", "--jobs", &jobs];
    settings.map(str::to_owned).to_vec()
}
