//! Actions: signals to one or several processes of a run.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::processes::{Process, Role, kill_stopped, marked, send, send_to_group};
use crate::random::Random;
use crate::stage::Run;

/// The time limit of the search for a recovering process.
const SEARCH_TIMEOUT: Duration = Duration::from_millis(300);

/// The longest time between SIGSTOP and SIGCONT.
const MAX_STOP_TIME: Duration = Duration::from_millis(300);

/// An action on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Nothing,
    /// A signal to one process.
    Send(Sent, Target),
    KillGroup,
    KillHarness,
    KillEverything,
}

/// The signals of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sent {
    Interrupt,
    InterruptTwice,
    Terminate,
    HangUp,
    Quit,
    Kill,
    Stop,
    StopAndContinue,
}

/// The process that gets the signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The process that the user started: the supervisor, or cargo-nextest.
    Runner,
    /// A process that runs tests.
    Worker,
    /// A session server.
    Server,
    /// A process that recovers the resources of another one, which is killed first.
    Recovering,
}

/// All actions with their weights in the random choice.
const WEIGHTS: [(Action, u32); 25] = [
    (Action::Nothing, 4),
    (Action::Send(Sent::Interrupt, Target::Runner), 6),
    (Action::Send(Sent::InterruptTwice, Target::Runner), 6),
    (Action::Send(Sent::Terminate, Target::Runner), 5),
    (Action::Send(Sent::HangUp, Target::Runner), 4),
    (Action::Send(Sent::Quit, Target::Runner), 3),
    (Action::Send(Sent::Kill, Target::Runner), 16),
    (Action::Send(Sent::StopAndContinue, Target::Runner), 3),
    (Action::KillGroup, 6),
    (Action::Send(Sent::Terminate, Target::Worker), 4),
    (Action::Send(Sent::Kill, Target::Worker), 8),
    (Action::Send(Sent::Stop, Target::Worker), 4),
    (Action::Send(Sent::Interrupt, Target::Server), 3),
    (Action::Send(Sent::Terminate, Target::Server), 8),
    (Action::Send(Sent::HangUp, Target::Server), 3),
    (Action::Send(Sent::Quit, Target::Server), 3),
    (Action::Send(Sent::Kill, Target::Server), 10),
    (Action::Send(Sent::Stop, Target::Server), 4),
    (Action::Send(Sent::StopAndContinue, Target::Server), 4),
    (Action::Send(Sent::Terminate, Target::Recovering), 3),
    (Action::Send(Sent::Kill, Target::Recovering), 6),
    (Action::Send(Sent::Stop, Target::Recovering), 2),
    (Action::Send(Sent::StopAndContinue, Target::Recovering), 2),
    (Action::KillHarness, 8),
    (Action::KillEverything, 12),
];

/// The effect of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    /// The target got the signal.
    Done,
    /// The first process was killed, but no recovering process appeared.
    Half,
    /// There was no target: the action came too early or too late.
    Missed,
}

impl Display for Action {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("no action"),
            Self::Send(sent, target) => write!(formatter, "{} to {}", sent.description(), target.description()),
            Self::KillGroup => formatter.write_str("SIGKILL to the runner's process group"),
            Self::KillHarness => formatter.write_str("SIGKILL to everything but programs of tests"),
            Self::KillEverything => formatter.write_str("SIGKILL to everything"),
        }
    }
}

impl Sent {
    fn description(self) -> &'static str {
        match self {
            Self::Interrupt => "SIGINT",
            Self::InterruptTwice => "SIGINT twice",
            Self::Terminate => "SIGTERM",
            Self::HangUp => "SIGHUP",
            Self::Quit => "SIGQUIT",
            Self::Kill => "SIGKILL",
            Self::Stop => "SIGSTOP",
            Self::StopAndContinue => "SIGSTOP and SIGCONT",
        }
    }

    /// Sends the signals, and returns whether the process existed.
    fn send(self, process: u32, random: &mut Random) -> bool {
        match self {
            Self::Interrupt => send(process, Signal::INT),
            Self::InterruptTwice => {
                let sent = send(process, Signal::INT);
                std::thread::sleep(random.uniform(Duration::from_millis(60)));
                send(process, Signal::INT);
                sent
            }
            Self::Terminate => send(process, Signal::TERM),
            Self::HangUp => send(process, Signal::HUP),
            Self::Quit => send(process, Signal::QUIT),
            Self::Kill => send(process, Signal::KILL),
            Self::Stop => send(process, Signal::STOP),
            Self::StopAndContinue => {
                let sent = send(process, Signal::STOP);
                std::thread::sleep(random.uniform(MAX_STOP_TIME));
                send(process, Signal::CONT);
                sent
            }
        }
    }
}

impl Target {
    fn description(self) -> &'static str {
        match self {
            Self::Runner => "the runner",
            Self::Worker => "a worker",
            Self::Server => "the session server",
            Self::Recovering => "a recovering process",
        }
    }
}

impl Action {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut left = random.below(WEIGHTS.iter().map(|(_, weight)| weight).sum());
        for (action, weight) in WEIGHTS {
            if left < weight {
                return action;
            }
            left -= weight;
        }
        Self::Nothing
    }

    /// Whether the action kills all processes that could give resources back before the next start.
    pub(crate) fn needs_next_start(self) -> bool {
        matches!(self, Self::KillEverything | Self::KillHarness)
    }

    /// Whether the action kills the runner and no other process that gives resources back.
    pub(crate) fn is_runners_death(self) -> bool {
        matches!(self, Self::Send(Sent::Kill, Target::Runner) | Self::KillGroup)
    }

    pub(crate) fn perform(self, run: &mut Run, random: &mut Random) -> Hit {
        let has_ended = run.child.try_wait().is_ok_and(|status| status.is_some());
        if has_ended && self != Self::Nothing {
            return Hit::Missed;
        }
        let runner = run.child.id();
        let done = match self {
            Self::Nothing => true,
            Self::Send(sent, Target::Runner) => sent.send(runner, random),
            Self::Send(sent, Target::Worker) => send_to_one(run, Role::Worker, sent, random),
            Self::Send(sent, Target::Server) => send_to_one(run, Role::Server, sent, random),
            Self::Send(sent, Target::Recovering) => return send_to_recovering(run, sent, random),
            Self::KillGroup => send_to_group(runner, Signal::KILL),
            Self::KillHarness => kill_stopped(&run.mark, |process| process.role != Role::Program) > 0,
            Self::KillEverything => kill_stopped(&run.mark, |_| true) > 0,
        };
        if done { Hit::Done } else { Hit::Missed }
    }
}

/// Kills a process, and sends a signal to the process that recovers its resources.
fn send_to_recovering(run: &Run, sent: Sent, random: &mut Random) -> Hit {
    let first = if random.percent(50) {
        send_to_one(run, Role::Worker, Sent::Kill, random)
    } else {
        send(run.child.id(), Signal::KILL)
    };
    let began = Instant::now();
    while first && began.elapsed() < SEARCH_TIMEOUT {
        if send_to_one(run, Role::Recovering, sent, random) {
            return Hit::Done;
        }
    }
    if first { Hit::Half } else { Hit::Missed }
}

fn send_to_one(run: &Run, role: Role, sent: Sent, random: &mut Random) -> bool {
    let processes: Vec<Process> = marked(&run.mark).into_iter().filter(|process| process.role == role).collect();
    random.one_of(&processes).is_some_and(|process| sent.send(process.id, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_has_a_description() {
        let action = Action::Send(Sent::StopAndContinue, Target::Server);
        assert_eq!(action.to_string(), "SIGSTOP and SIGCONT to the session server");
    }
}
