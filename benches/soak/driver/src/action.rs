//! What is done to a run: a signal, to one of its processes or to several.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::processes::{Process, Role, kill_stopped, marked, send, send_to_group};
use crate::random::Random;
use crate::stage::Run;

/// For so long it is tried to find a process that gives back.
const SEARCH_TIMEOUT: Duration = Duration::from_millis(300);

/// For so long a process is stopped that is continued.
const STOP_TIME: Duration = Duration::from_millis(300);

/// What is done to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Nothing,
    /// A signal to one process.
    Send(Sent, Target),
    KillGroup,
    KillHarness,
    KillEverything,
}

/// What is sent.
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

/// The process that it is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The process that the user started: the supervisor, or cargo-nextest.
    Runner,
    /// One that runs tests.
    Worker,
    /// A session's server.
    Server,
    /// One that gives back what a dead process took, which is killed before.
    Recovering,
}

/// Each with how often it is done.
const OFTEN: [(Action, u32); 25] = [
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

/// What an action met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hit {
    /// The process that it was meant for.
    Done,
    /// The one that was to die first, and none that gave back what it held.
    Half,
    /// Nothing: it came too early or too late.
    Missed,
}

impl Display for Action {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => formatter.write_str("nothing, to the end"),
            Self::Send(sent, target) => write!(formatter, "{} to {}", sent.in_words(), target.in_words()),
            Self::KillGroup => formatter.write_str("SIGKILL to the runner's process group"),
            Self::KillHarness => formatter.write_str("SIGKILL to everything but what tests started"),
            Self::KillEverything => formatter.write_str("SIGKILL to everything"),
        }
    }
}

impl Sent {
    fn in_words(self) -> &'static str {
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

    /// Sends it; whether there was a process to take it.
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
                std::thread::sleep(random.uniform(STOP_TIME));
                send(process, Signal::CONT);
                sent
            }
        }
    }
}

impl Target {
    fn in_words(self) -> &'static str {
        match self {
            Self::Runner => "the runner",
            Self::Worker => "a worker",
            Self::Server => "the session's server",
            Self::Recovering => "a process that gives back",
        }
    }
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

    /// Whether no process may be left that gives back, before the next start.
    pub(crate) fn needs_next_start(self) -> bool {
        matches!(self, Self::KillEverything | Self::KillHarness)
    }

    /// Whether it is the sudden death of the runner, and of no other process that gives back.
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

/// Kills a process that holds something, and sends a signal to the one that gives it back.
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
    let found: Vec<Process> = marked(&run.mark).into_iter().filter(|process| process.role == role).collect();
    random.one_of(&found).is_some_and(|process| sent.send(process.id, random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_told_in_words() {
        let action = Action::Send(Sent::StopAndContinue, Target::Server);
        assert_eq!(action.to_string(), "SIGSTOP and SIGCONT to the session's server");
    }
}
