//! Session fixtures: each on a thread of its own, from its setup to its teardown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::heard::{Context, Heard, Made};
use super::wire::Reply;
use crate::inject::{
    Caught, FixtureDescriptor, ScopeStore, Scopes, TeardownProblem, make_session_value, session_needs, set_requirement,
};
use crate::model::{Limits, Outcome, Problem};
use crate::process::Stopwatch;

/// How often a step is looked at that may block its thread.
const LOOK: Duration = Duration::from_millis(50);

/// A session fixture that is being made, or there.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) fixture: &'static FixtureDescriptor,
    unwind: oneshot::Sender<()>,
    /// How long its setup, or the current step of its teardown, has been going on.
    pub(super) step: Arc<Stopwatch>,
    problems: oneshot::Receiver<Vec<TeardownProblem>>,
}

impl Holder {
    /// Starts making a fixture's value; what comes of it is told to the server.
    pub(super) fn start(
        fixture: &'static FixtureDescriptor,
        context: Context,
        heard: mpsc::UnboundedSender<Heard>,
    ) -> io::Result<Self> {
        let (unwind, unwound) = oneshot::channel();
        let (tell, problems) = oneshot::channel();
        let handle = Handle::current();
        // Nothing of its own has begun: it may have to wait for what it asks for.
        let step = Arc::new(Stopwatch::idle());
        let own_step = Arc::clone(&step);
        std::thread::Builder::new().name("itest-session".to_owned()).spawn(move || {
            set_requirement(context.config.require);
            let told = handle.block_on(hold(fixture, &context, &heard, unwound, &own_step));
            let _ = tell.send(told);
        })?;
        Ok(Self { fixture, unwind, step, problems })
    }

    /// Gives the value back; what went wrong with that. None: a step blocks its thread beyond its limit, and is given up.
    pub(super) async fn unwind(self, limit: Duration) -> Option<Vec<TeardownProblem>> {
        let Self { unwind, step, mut problems, .. } = self;
        step.begin();
        // A thread that has failed with its setup has given everything back already.
        let _ = unwind.send(());
        while step.elapsed() <= limit + Limits::GRACE {
            if let Ok(problems) = tokio::time::timeout(LOOK, &mut problems).await {
                return Some(problems.unwrap_or_default());
            }
        }
        None
    }
}

async fn hold(
    fixture: &'static FixtureDescriptor,
    context: &Context,
    heard: &mpsc::UnboundedSender<Heard>,
    unwound: oneshot::Receiver<()>,
    step: &Stopwatch,
) -> Vec<TeardownProblem> {
    let limits = context.config.limits;
    let mut store = ScopeStore::new(&context.ledger);
    let made = match fetch_needs(fixture, &mut store, heard).await {
        // What it asks for has budgets of its own.
        Ok(()) => tokio::time::timeout(limits.setup, {
            step.begin();
            make(fixture, &mut store, context)
        })
        .await
        .unwrap_or_else(|_| Err(failed(format!("its setup did not end within {:?}", limits.setup)))),
        Err(caught) => Err(caught),
    };
    let outcome = if made.is_ok() { Outcome::Passed } else { Outcome::Errored };
    let _ = heard.send(Heard::Made(fixture.key(), made));
    if outcome == Outcome::Passed {
        // The server's end, however it comes, is the fixture's.
        let _ = unwound.await;
    }
    store.unwind(outcome, limits.teardown, || step.begin()).await
}

/// The values of the session fixtures that this one asks for; they cross as they do to a worker.
async fn fetch_needs(
    fixture: &'static FixtureDescriptor,
    store: &mut ScopeStore,
    heard: &mpsc::UnboundedSender<Heard>,
) -> Result<(), Caught> {
    for need in session_needs(fixture.dependencies) {
        let (reply, told) = oneshot::channel();
        let _ = heard.send(Heard::Needed(need.fixture, reply));
        match told.await {
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
    let Some(crossing) = fixture.crossing else {
        return Err(failed("itest: a session fixture that cannot cross; please report this".to_owned()));
    };
    // Narrower scopes cannot be asked for: that is a compile error.
    let (mut worker, mut test) = (ScopeStore::new(&context.ledger), ScopeStore::new(&context.ledger));
    let mut scopes = Scopes { session: store, worker: &mut worker, test: &mut test, info: None, making: Vec::new() };
    let value = make_session_value(&mut scopes, fixture).await.map_err(|failure| failure.caught)?;
    let remark = fixture.remark.and_then(|remark| remark(value.as_ref()));
    Ok(Made { value: crossing.write_down(value.as_ref()).map_err(Caught::Panic)?, remark })
}

fn failed(message: String) -> Caught {
    Caught::Panic(Problem::new(message))
}
