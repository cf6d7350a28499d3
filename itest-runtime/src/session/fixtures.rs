//! Session fixtures: each on a thread of its own, from its setup to its teardown.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::message::{Context, Made, Message};
use super::wire::Reply;
use crate::inject::{
    Caught, FixtureDescriptor, ScopeStore, Scopes, TeardownProblem, harness_runtime, make_session_value, session_needs,
    set_requirement, start_runtime_for_tests, timeout,
};
use crate::model::{Limits, Outcome, Problem};
use crate::process::Stopwatch;

/// How often a step is looked at that may block its thread.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The session fixtures of a run.
#[derive(Debug)]
pub(super) struct Fixtures {
    context: Context,
    messages: mpsc::UnboundedSender<Message>,
    state: State,
    values: HashMap<u64, Value>,
    /// In the order in which they were begun; what one of them asks for is begun after it, and ready before.
    holders: Vec<Holder>,
    /// In the order in which they became ready.
    ready: Vec<u64>,
}

/// Whether fixtures are made.
#[derive(Debug)]
enum State {
    /// On first need.
    Open,
    /// Never again: those of an earlier server are lost, for this reason.
    Lost(Problem),
    /// The session ends, and the values go.
    Closed,
}

#[derive(Debug)]
enum Value {
    Making(Vec<oneshot::Sender<Reply>>),
    Made(Reply),
}

impl Fixtures {
    /// Those of a session, none of which is made yet. `lost` is why none can be made, if an earlier server had made some.
    pub(super) fn new(context: Context, messages: mpsc::UnboundedSender<Message>, lost: Option<Problem>) -> Self {
        let state = lost.map_or(State::Open, State::Lost);
        Self { context, messages, state, values: HashMap::new(), holders: Vec::new(), ready: Vec::new() }
    }

    /// The value of a fixture, which is made on the first request. Where the session ends, there is no answer.
    pub(super) fn fetch(&mut self, fixture: &'static FixtureDescriptor, reply: oneshot::Sender<Reply>) {
        match (&self.state, self.values.get_mut(&fixture.key())) {
            (State::Closed, _) => {}
            (State::Lost(problem), _) => drop(reply.send(Reply::Failed(problem.clone()))),
            (State::Open, Some(Value::Making(waiting))) => waiting.push(reply),
            (State::Open, Some(Value::Made(made))) => drop(reply.send(made.clone())),
            (State::Open, None) => {
                self.values.insert(fixture.key(), Value::Making(vec![reply]));
                match Holder::start(fixture, self.context.clone(), self.messages.clone()) {
                    Ok(holder) => self.holders.push(holder),
                    Err(error) => {
                        let problem = Problem::new(format!("no thread can be had: {error}"));
                        self.answer(fixture.key(), Reply::Failed(problem));
                    }
                }
            }
        }
    }

    /// Answers all requests for a fixture: those that wait, and those that come later.
    pub(super) fn answer(&mut self, key: u64, made: Reply) {
        // One that was given up, and comes after all, is of no use to anyone.
        let Some(Value::Making(waiting)) = self.values.get_mut(&key) else { return };
        for reply in std::mem::take(waiting) {
            let _ = reply.send(made.clone());
        }
        self.values.insert(key, Value::Made(made));
        self.ready.push(key);
    }

    /// Whether one is being made.
    pub(super) fn is_making(&self) -> bool {
        self.values.values().any(|value| matches!(value, Value::Making(_)))
    }

    /// A setup that blocks its thread cannot be cut off. Its tests get an answer, and the session goes on without it. If it ends
    /// after all, it gives back what it took.
    pub(super) fn give_up_blocked_setups(&mut self) {
        let limit = self.context.config.limits.setup;
        let values = &self.values;
        let is_blocked = |holder: &mut Holder| {
            let is_making = matches!(values.get(&holder.fixture.key()), Some(Value::Making(_)));
            is_making && holder.step.elapsed() > limit + Limits::GRACE
        };
        let blocked: Vec<Holder> = self.holders.extract_if(.., is_blocked).collect();
        for Holder { fixture, .. } in blocked {
            let message = format!("its setup did not end within {limit:?}, and blocks its thread; it is given up");
            self.answer(fixture.key(), Reply::Failed(Problem::new(message)));
        }
    }

    /// Gives back all values, the last one first; what went wrong with that. From now on none is made.
    pub(super) async fn unwind(&mut self) -> Vec<String> {
        self.state = State::Closed;
        let ready = std::mem::take(&mut self.ready);
        let mut holders = std::mem::take(&mut self.holders);
        let position = |key: &u64| ready.iter().position(|ready| ready == key);
        holders.sort_by_key(|holder| std::cmp::Reverse(position(&holder.fixture.key())));
        let mut problems = Vec::new();
        for holder in holders {
            let name = holder.fixture.short_name();
            if let Some(steps) = holder.unwind(self.context.config.limits.teardown).await {
                let in_words = |step: TeardownProblem| format!("{name}: {}: {}", step.what, step.problem.message);
                problems.extend(steps.into_iter().map(in_words));
            } else {
                let given_up = "a step of its teardown blocks its thread beyond its limit; it is given up";
                problems.push(format!("{name}: {given_up}"));
            }
        }
        problems.extend(self.context.ledger.close().err().map(|problem| problem.message));
        problems
    }
}

/// A session fixture that is being made, or there.
#[derive(Debug)]
struct Holder {
    fixture: &'static FixtureDescriptor,
    unwind: oneshot::Sender<()>,
    /// How long its setup, or the current step of its teardown, has been going on.
    step: Arc<Stopwatch>,
    problems: oneshot::Receiver<Vec<TeardownProblem>>,
}

impl Holder {
    /// Starts making a fixture's value; the server gets a message of what comes of it.
    fn start(
        fixture: &'static FixtureDescriptor,
        context: Context,
        messages: mpsc::UnboundedSender<Message>,
    ) -> io::Result<Self> {
        let (unwind, unwound) = oneshot::channel();
        let (tell, problems) = oneshot::channel();
        let (Some(runtime), Some(harness)) = (runtime_of_fixtures(), harness_runtime()) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        // Nothing of its own has begun: it may have to wait for what it asks for.
        let step = Arc::new(Stopwatch::idle());
        let own_step = Arc::clone(&step);
        std::thread::Builder::new().name("itest-session".to_owned()).spawn(move || {
            set_requirement(context.config.require);
            #[cfg(feature = "tracing")]
            crate::process::show_trace_of_this_thread();
            let (mut store, outcome) = runtime.block_on(set_up(fixture, &context, &messages, &own_step));
            if outcome == Outcome::Passed {
                // The server's end, however it comes, is the fixture's.
                let _ = unwound.blocking_recv();
            }
            let limit = context.config.limits.teardown;
            let problems = harness.block_on(store.unwind(outcome, limit, || own_step.begin()));
            let _ = tell.send(problems);
        })?;
        Ok(Self { fixture, unwind, step, problems })
    }

    /// Gives the value back; what went wrong with that. `None`: a step blocks its thread beyond its limit, and is given up.
    async fn unwind(self, limit: Duration) -> Option<Vec<TeardownProblem>> {
        let Self { unwind, step, mut problems, .. } = self;
        step.begin();
        // A thread that has failed with its setup has given everything back already.
        let _ = unwind.send(());
        while step.elapsed() <= limit + Limits::GRACE {
            if let Ok(problems) = tokio::time::timeout(POLL_INTERVAL, &mut problems).await {
                return Some(problems.unwrap_or_default());
            }
        }
        None
    }
}

/// The runtime of fixtures, whose tasks may block its threads: the server has one of its own, on which teardown runs, too.
fn runtime_of_fixtures() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| start_runtime_for_tests().ok()).as_ref()
}

/// Makes a fixture's value, and sends the server what comes of it; what the fixture has taken, and whether it was made.
async fn set_up(
    fixture: &'static FixtureDescriptor,
    context: &Context,
    messages: &mpsc::UnboundedSender<Message>,
    step: &Stopwatch,
) -> (ScopeStore, Outcome) {
    let limits = context.config.limits;
    let mut store = ScopeStore::new(&context.ledger);
    let made = match fetch_needs(fixture, &mut store, messages).await {
        // What it asks for has budgets of its own.
        Ok(()) => timeout(limits.setup, {
            step.begin();
            make(fixture, &mut store, context)
        })
        .await
        .unwrap_or_else(|_| Err(failed(format!("its setup did not end within {:?}", limits.setup)))),
        Err(caught) => Err(caught),
    };
    let outcome = if made.is_ok() { Outcome::Passed } else { Outcome::Errored };
    let _ = messages.send(Message::Made(fixture.key(), made));
    (store, outcome)
}

/// The values of the session fixtures that this one asks for; they cross as they do to a worker.
async fn fetch_needs(
    fixture: &'static FixtureDescriptor,
    store: &mut ScopeStore,
    messages: &mpsc::UnboundedSender<Message>,
) -> Result<(), Caught> {
    for need in session_needs(fixture.dependencies) {
        let (reply, response) = oneshot::channel();
        let _ = messages.send(Message::Need(need.fixture, reply));
        match response.await {
            Ok(Reply::Value(value)) => store.receive(need.fixture, Ok(value)),
            Ok(Reply::Skipped(reason)) => return Err(Caught::Skip(reason)),
            Ok(Reply::Failed(problem)) => {
                let message = format!("{}, which it asks for, failed: {}", need.fixture.short_name(), problem.message);
                return Err(Caught::Panic(Problem { message, ..problem }));
            }
            _ => return Err(failed("the session is ending".to_owned())),
        }
    }
    Ok(())
}

async fn make(fixture: &'static FixtureDescriptor, store: &mut ScopeStore, context: &Context) -> Result<Made, Caught> {
    let Some(codec) = fixture.codec else {
        return Err(failed("itest: a session fixture that cannot cross; please report this".to_owned()));
    };
    // Narrower scopes cannot be asked for: that is a compile error.
    let (mut worker, mut test) = (ScopeStore::new(&context.ledger), ScopeStore::new(&context.ledger));
    let mut scopes = Scopes {
        session: store,
        worker: &mut worker,
        test: &mut test,
        info: None,
        in_setup: Vec::new(),
        on_worker_fixture: &mut |_| (),
    };
    let value = make_session_value(&mut scopes, fixture).await.map_err(|failure| failure.caught)?;
    let remark = fixture.remark.and_then(|remark| remark(value.as_ref()));
    Ok(Made { value: codec.to_json(value.as_ref()).map_err(Caught::Panic)?, remark })
}

fn failed(message: String) -> Caught {
    Caught::Panic(Problem::new(message))
}
