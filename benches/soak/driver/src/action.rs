//! What is done to a run.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::processes::{Process, Role, kill_stopped, marked, send, send_to_group};
use crate::random::Random;
use crate::stage::Run;

/// What is done to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Nothing,
    Interrupt,
    InterruptTwice,
    Terminate,
    HangUp,
    KillSupervisor,
    KillGroup,
    KillWorker,
    StopWorker,
    KillServer,
    KillRecovering,
    KillHarness,
    KillEverything,
}

/// Each with how often it is done.
const OFTEN: [(Action, u32); 13] = [
    (Action::Nothing, 4),
    (Action::Interrupt, 8),
    (Action::InterruptTwice, 8),
    (Action::Terminate, 6),
    (Action::HangUp, 5),
    (Action::KillSupervisor, 20),
    (Action::KillGroup, 8),
    (Action::KillWorker, 10),
    (Action::StopWorker, 4),
    (Action::KillServer, 10),
    (Action::KillRecovering, 8),
    (Action::KillHarness, 8),
    (Action::KillEverything, 12),
];

/// Whom an action found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    /// Whom it was meant for.
    Done,
    /// The one that was to die first, and nobody gave back what it held.
    Half,
    /// Nobody: it came too early or too late.
    Missed,
}

impl Action {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut left = random.below(OFTEN.iter().map(|(_, often)| often).sum());
        for (action, often) in OFTEN {
            if left < often {
                return action;
            }
            left -= often;
        }
        Self::Nothing
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing, to the end",
            Self::Interrupt => "SIGINT",
            Self::InterruptTwice => "SIGINT, and once more",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
            Self::KillSupervisor => "SIGKILL to the supervisor",
            Self::KillGroup => "SIGKILL to the supervisor's process group",
            Self::KillWorker => "SIGKILL to a worker",
            Self::StopWorker => "SIGSTOP to a worker",
            Self::KillServer => "SIGKILL to the session's server",
            Self::KillRecovering => "SIGKILL to a process that gives back",
            Self::KillHarness => "SIGKILL to everything but what tests started",
            Self::KillEverything => "SIGKILL to everything",
        }
    }

    /// Whether nobody may be left who gives back, but the next start.
    pub(crate) fn needs_next_start(self) -> bool {
        matches!(self, Self::KillEverything | Self::KillHarness | Self::KillRecovering)
    }

    /// Whether it is the sudden death of the supervisor, and of nobody else who gives back.
    pub(crate) fn is_supervisors_death(self) -> bool {
        matches!(self, Self::KillSupervisor | Self::KillGroup)
    }

    pub(crate) fn perform(self, run: &mut Run, random: &mut Random) -> Hit {
        let has_ended = run.child.try_wait().is_ok_and(|status| status.is_some());
        if has_ended && self != Self::Nothing {
            return Hit::Missed;
        }
        let supervisor = run.child.id();
        let done = match self {
            Self::Nothing => true,
            Self::Interrupt => send(supervisor, Signal::INT),
            Self::InterruptTwice => {
                let done = send(supervisor, Signal::INT);
                std::thread::sleep(random.uniform(Duration::from_millis(60)));
                send(supervisor, Signal::INT);
                done
            }
            Self::Terminate => send(supervisor, Signal::TERM),
            Self::HangUp => send(supervisor, Signal::HUP),
            Self::KillSupervisor => send(supervisor, Signal::KILL),
            Self::KillGroup => send_to_group(supervisor, Signal::KILL),
            Self::KillWorker => send_to_one(run, Role::Worker, Signal::KILL, random),
            Self::StopWorker => send_to_one(run, Role::Worker, Signal::STOP, random),
            Self::KillServer => send_to_one(run, Role::Server, Signal::KILL, random),
            Self::KillRecovering => return kill_recovering(run, random),
            Self::KillHarness => kill_stopped(&run.mark, |process| process.role != Role::Program) > 0,
            Self::KillEverything => kill_stopped(&run.mark, |_| true) > 0,
        };
        if done { Hit::Done } else { Hit::Missed }
    }
}

/// Kills somebody who holds something, and then whoever gives it back.
fn kill_recovering(run: &Run, random: &mut Random) -> Hit {
    let first = if random.percent(50) {
        send_to_one(run, Role::Worker, Signal::KILL, random)
    } else {
        send(run.child.id(), Signal::KILL)
    };
    let began = Instant::now();
    while first && began.elapsed() < Duration::from_millis(300) {
        if send_to_one(run, Role::Recovering, Signal::KILL, random) {
            return Hit::Done;
        }
    }
    if first { Hit::Half } else { Hit::Missed }
}

fn send_to_one(run: &Run, role: Role, signal: Signal, random: &mut Random) -> bool {
    let found: Vec<Process> = marked(&run.mark).into_iter().filter(|process| process.role == role).collect();
    random.one_of(&found).is_some_and(|process| send(process.id, signal))
}
