//! Session fixtures. Each of them has its own thread from its setup to its teardown.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

use super::message::{Context, Made, Message};
use super::wire::Reply;
use crate::inject::{
    Caught, FixtureDescriptor, ScopeStore, Scopes, TeardownProblem, block_on, harness_runtime, make_session_value,
    session_needs, set_requirement, start_runtime_for_tests, timeout,
};
use crate::model::{Limits, Outcome, Problem, sort_by_key};
use crate::process::Stopwatch;

/// How often the server checks whether a step of a teardown exceeds its time limit.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The session fixtures of a run.
#[derive(Debug)]
pub(super) struct Fixtures {
    context: Context,
    messages: mpsc::UnboundedSender<Message>,
    state: State,
    values: HashMap<u64, Value>,
    /// The fixtures in the order in which their setups began. A dependency begins after the fixture that needs it, and is ready
    /// before that fixture.
    threads: Vec<FixtureThread>,
    /// The keys of the fixtures in the order in which they became ready.
    ready: Vec<u64>,
}

/// Whether fixtures can be set up.
#[derive(Debug)]
enum State {
    /// A fixture is set up at the first request.
    Open,
    /// No fixture is set up, because the fixtures of an earlier server are lost, for this reason.
    Lost(Problem),
    /// The session ends, and no fixture is set up any more.
    Closed,
}

/// The value of a fixture.
#[derive(Debug)]
enum Value {
    /// The setup is running. These requests wait for the value.
    Making(Vec<oneshot::Sender<Reply>>),
    /// The setup has ended with this answer.
    Made(Reply),
}

impl Fixtures {
    /// The fixtures of a session, before any setup. `lost` is the reason why none can be set up, if there was an earlier server.
    pub(super) fn new(context: Context, messages: mpsc::UnboundedSender<Message>, lost: Option<Problem>) -> Self {
        let state = lost.map_or(State::Open, State::Lost);
        Self { context, messages, state, values: HashMap::new(), threads: Vec::new(), ready: Vec::new() }
    }

    /// Answers with the value of a fixture, which is set up at the first request. There is no answer if the session ends.
    pub(super) fn fetch(&mut self, fixture: &'static FixtureDescriptor, reply: oneshot::Sender<Reply>) {
        match (&self.state, self.values.get_mut(&fixture.key())) {
            (State::Closed, _) => {}
            (State::Lost(problem), _) => drop(reply.send(Reply::Failed(problem.clone()))),
            (State::Open, Some(Value::Making(waiting))) => waiting.push(reply),
            (State::Open, Some(Value::Made(made))) => drop(reply.send(made.clone())),
            (State::Open, None) => {
                self.values.insert(fixture.key(), Value::Making(vec![reply]));
                match FixtureThread::start(fixture, self.context.clone(), self.messages.clone()) {
                    Ok(thread) => self.threads.push(thread),
                    Err(error) => {
                        let problem = Problem::new(format!("no thread can be started: {error}"));
                        self.answer(fixture.key(), Reply::Failed(problem));
                    }
                }
            }
        }
    }

    /// Answers all waiting and all later requests for a fixture.
    pub(super) fn answer(&mut self, key: u64, made: Reply) {
        // A value that arrives after its setup was given up is ignored, because its requests were already answered.
        let Some(Value::Making(waiting)) = self.values.get_mut(&key) else { return };
        for reply in std::mem::take(waiting) {
            let _ = reply.send(made.clone());
        }
        self.values.insert(key, Value::Made(made));
        self.ready.push(key);
    }

    /// Whether a setup is running.
    pub(super) fn is_making(&self) -> bool {
        self.values.values().any(|value| matches!(value, Value::Making(_)))
    }

    /// Gives up the setups that exceed their time limit by far, because they block their threads and cannot be cancelled. Their
    /// requests are answered with a failure. If such a setup ends later, its resources are given back.
    pub(super) fn give_up_blocked_setups(&mut self) {
        let limit = self.context.config.limits.setup;
        let values = &self.values;
        let is_blocked = |thread: &mut FixtureThread| {
            let is_making = matches!(values.get(&thread.fixture.key()), Some(Value::Making(_)));
            is_making && thread.step.elapsed() > limit + Limits::GRACE
        };
        let blocked: Vec<FixtureThread> = self.threads.extract_if(.., is_blocked).collect();
        for FixtureThread { fixture, .. } in blocked {
            let message = format!("its setup did not end within {limit:?} and blocks its thread, so it is given up");
            self.answer(fixture.key(), Reply::Failed(Problem::new(message)));
        }
    }

    /// Tears all fixtures down, the last one first, and returns the errors. No fixture can be set up any more.
    pub(super) async fn unwind(&mut self) -> Vec<String> {
        self.state = State::Closed;
        let ready = std::mem::take(&mut self.ready);
        let mut threads = std::mem::take(&mut self.threads);
        let position = |key: &u64| ready.iter().position(|ready| ready == key);
        sort_by_key(&mut threads, |thread| std::cmp::Reverse(position(&thread.fixture.key())));
        let mut problems = Vec::new();
        for thread in threads {
            let name = thread.fixture.short_name();
            if let Some(steps) = thread.unwind(self.context.config.limits.teardown).await {
                let in_words = |step: TeardownProblem| format!("{name}: {}: {}", step.what, step.problem.message);
                problems.extend(steps.into_iter().map(in_words));
            } else {
                let given_up = "a step of its teardown blocks its thread beyond its time limit, so it is given up";
                problems.push(format!("{name}: {given_up}"));
            }
        }
        problems.extend(self.context.ledger.close().err().map(|problem| problem.message));
        problems
    }
}

/// The thread of a session fixture, which runs its setup and its teardown.
#[derive(Debug)]
struct FixtureThread {
    fixture: &'static FixtureDescriptor,
    /// Starts the teardown.
    unwind: oneshot::Sender<()>,
    /// Measures the time since the setup, or the current step of the teardown, began.
    step: Arc<Stopwatch>,
    /// Receives the errors of the teardown.
    problems: oneshot::Receiver<Vec<TeardownProblem>>,
}

impl FixtureThread {
    /// Starts the setup of a fixture. The server gets a message with the result.
    fn start(
        fixture: &'static FixtureDescriptor,
        context: Context,
        messages: mpsc::UnboundedSender<Message>,
    ) -> io::Result<Self> {
        let (unwind, unwound) = oneshot::channel();
        let (problems_sender, problems) = oneshot::channel();
        let (Some(runtime), Some(harness)) = (runtime_of_fixtures(), harness_runtime()) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        // The stopwatch is not started yet, because the fixture may first have to wait for its dependencies.
        let step = Arc::new(Stopwatch::idle());
        let own_step = Arc::clone(&step);
        std::thread::Builder::new().name("itest-session".to_owned()).spawn(move || {
            set_requirement(context.config.require);
            #[cfg(feature = "tracing")]
            crate::process::show_trace_of_this_thread();
            let (mut store, outcome) = block_on(runtime, set_up(fixture, &context, &messages, &own_step));
            if outcome == Outcome::Passed {
                // An error means that the server is ending, so that the teardown begins in both cases.
                let _ = unwound.blocking_recv();
            }
            let limit = context.config.limits.teardown;
            let problems = block_on(harness, store.unwind(outcome, limit, || own_step.begin()));
            let _ = problems_sender.send(problems);
        })?;
        Ok(Self { fixture, unwind, step, problems })
    }

    /// Tears the fixture down and returns the errors. `None` if a step of the teardown exceeds its time limit by far, because it
    /// blocks its thread. The teardown is then given up.
    async fn unwind(self, limit: Duration) -> Option<Vec<TeardownProblem>> {
        let Self { unwind, step, mut problems, .. } = self;
        step.begin();
        // An error is ignored. If the setup failed, the thread has already run the teardown and has ended.
        let _ = unwind.send(());
        while step.elapsed() <= limit + Limits::GRACE {
            if let Ok(problems) = tokio::time::timeout(POLL_INTERVAL, &mut problems).await {
                return Some(problems.unwrap_or_default());
            }
        }
        None
    }
}

/// The runtime of the fixtures, whose threads they may block. The server and the teardown therefore run on another runtime.
fn runtime_of_fixtures() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| start_runtime_for_tests().ok()).as_ref()
}

/// Sets a fixture up and sends the result to the server. Returns the resources of the fixture and the outcome of the setup.
async fn set_up(
    fixture: &'static FixtureDescriptor,
    context: &Context,
    messages: &mpsc::UnboundedSender<Message>,
    step: &Stopwatch,
) -> (ScopeStore, Outcome) {
    let limits = context.config.limits;
    let mut store = ScopeStore::new(&context.ledger);
    let made = match fetch_dependencies(fixture, &mut store, messages).await {
        // The time limit begins here, because each dependency has its own time limit.
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

/// Fetches the values of the session fixtures that this fixture depends on. They are serialized, as for a worker.
async fn fetch_dependencies(
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
                let message = format!("its dependency {} failed: {}", need.fixture.short_name(), problem.message);
                return Err(Caught::Panic(Problem { message, ..problem }));
            }
            _ => return Err(failed("the session is ending".to_owned())),
        }
    }
    Ok(())
}

async fn make(fixture: &'static FixtureDescriptor, store: &mut ScopeStore, context: &Context) -> Result<Made, Caught> {
    let Some(codec) = fixture.codec else {
        return Err(failed("itest: this session fixture cannot be serialized; please report this".to_owned()));
    };
    // The stores of narrower scopes stay empty, because a session fixture that depends on such a scope does not compile.
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
    Ok(Made { value: codec.encode(value.as_ref()).map_err(Caught::Panic)?, remark })
}

fn failed(message: String) -> Caught {
    Caught::Panic(Problem::new(message))
}
