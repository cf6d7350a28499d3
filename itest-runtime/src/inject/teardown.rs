//! What was taken is given back: one last-in-first-out stack for each scope.

use std::any::{Any, TypeId};
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::conclude::Conclude;
use super::durable::Durable;
use super::entry::LocalFuture;
use super::error::Error;
use super::fixture::{Fixture, FixtureDescriptor, FunctionKind};
use super::ledger::Ledger;
use super::panic::{Caught, catch, catch_panic};
use super::portable::Portable;
use super::scope::AskerScope;
use crate::model::{Outcome, Problem};

type StepFuture = LocalFuture<'static, Result<(), Problem>>;

/// Where a fixture or a test registers what must be undone, at the moment it is done.
///
/// Steps run last in, first out, when the scope of whoever asked ends, however it ends. Each is awaited under a time limit
/// of its own; one that fails, panics or hangs stops none of the others, and is reported beside the test's own outcome.
///
/// # Examples
///
/// ```ignore
/// #[fixture]
/// async fn queue(broker: &Broker, teardown: &Teardown) -> Result<Queue> {
///     let queue = broker.declare("orders").await?;
///     teardown.defer("delete the queue", queue.clone().delete());
///     Ok(queue)
/// }
/// ```
#[derive(Clone)]
pub struct Teardown {
    stack: Arc<Mutex<Stack>>,
    ledger: Arc<Ledger>,
}

#[derive(Default)]
struct Stack {
    steps: Vec<Step>,
    positions: u64,
    closed: bool,
}

struct Step {
    what: String,
    position: u64,
    run: Box<dyn FnOnce(Outcome) -> StepFuture + Send>,
}

impl Teardown {
    /// Registers a step; `what` names it in reports.
    ///
    /// # Panics
    ///
    /// If the scope has ended already, because then nobody would run the step.
    pub fn defer<F>(&self, what: impl Into<String>, step: F)
    where
        F: Future<Output: Conclude> + Send + 'static,
    {
        self.defer_with(what, |_| step);
    }

    /// Registers a step that depends on how the test went.
    ///
    /// A step of a worker fixture is given [`Outcome::Passed`]: it outlives the tests.
    ///
    /// # Panics
    ///
    /// If the scope has ended already, because then nobody would run the step.
    pub fn defer_with<F>(&self, what: impl Into<String>, step: impl FnOnce(Outcome) -> F + Send + 'static)
    where
        F: Future<Output: Conclude> + Send + 'static,
    {
        let run = Box::new(|outcome| {
            let step = step(outcome);
            Box::pin(async move { step.await.conclude() }) as StepFuture
        });
        self.push(what.into(), run);
    }

    /// Registers a step that is done whatever happens to this process.
    ///
    /// The function bears `#[teardown]`. Its name and arguments are written to the ledger, on disk, before this returns; call
    /// it *before* the resource is acquired. If this process dies, another one of the run gives the resource back; if all of
    /// them die, the next run does. The function must therefore be content when there is nothing to give back, and may
    /// be called more than once. Arguments stand in a file that only its owner can read until the resource is given back.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written, or the arguments refuse to be written down. Then do not acquire the resource.
    ///
    /// # Panics
    ///
    /// If the scope has ended already.
    pub fn durable<A: Portable>(&self, function: fn(A) -> Durable<A>, arguments: A) -> Result<(), Error> {
        let (entry, arguments) = function(arguments).write_down()?;
        let ticket = self.ledger.take(entry.name, arguments.clone())?;
        let ledger = Arc::clone(&self.ledger);
        let run = Box::new(move |_| {
            Box::pin(async move {
                entry.give_back(&arguments).await?;
                ledger.give_back(ticket);
                Ok(())
            }) as StepFuture
        });
        self.push(entry.name.to_owned(), run);
        Ok(())
    }

    /// A folder of this process; see [`Ledger::folder`].
    pub(crate) fn process_folder(&self) -> Result<PathBuf, Error> {
        self.ledger.folder()
    }

    #[expect(clippy::panic, reason = "a resource that nobody will give back must not go unnoticed")]
    fn push(&self, what: String, run: Box<dyn FnOnce(Outcome) -> StepFuture + Send>) {
        let mut stack = self.lock();
        if stack.closed {
            drop(stack);
            panic!("`{what}` was deferred after its scope had ended; defer it before the resource is acquired");
        }
        let position = stack.next_position();
        stack.steps.push(Step { what, position, run });
    }

    fn lock(&self) -> MutexGuard<'_, Stack> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stack {
    fn next_position(&mut self) -> u64 {
        self.positions += 1;
        self.positions
    }
}

impl fmt::Debug for Teardown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stack = self.lock();
        formatter.debug_list().entries(stack.steps.iter().map(|step| &step.what)).finish()
    }
}

#[diagnostic::do_not_recommend]
impl Fixture for Teardown {
    type Scope = AskerScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(FunctionKind::Async, &[], |inputs| {
                Box::pin(async move { Ok(Box::new(inputs.teardown().clone()) as Box<dyn Any>) })
            })
        }
    }
}

/// No scope has so many steps; what goes on for longer goes on for ever.
const MOST_STEPS: u32 = 10_000;

/// A step that did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeardownProblem {
    /// The step's name.
    pub what: String,
    /// Whether it was cut off by its time limit.
    pub timed_out: bool,
    /// What went wrong.
    pub problem: Problem,
}

/// The values of one scope and the way back from them.
#[derive(Debug)]
pub(crate) struct ScopeStore {
    /// A handful: searching them one by one is quicker than hashing.
    values: Vec<(TypeId, Stored)>,
    order: Vec<Placed>,
    teardown: Teardown,
}

/// A fixture's value in its scope.
#[derive(Debug)]
pub(super) enum Stored {
    /// It can be borrowed.
    Ready(Rc<dyn Any>),
    /// It is being made; found by a later test, it means that the making was cut off.
    Making,
    /// It could not be made; the cause is told to everyone who asks.
    Failed(Caught),
}

#[derive(Debug)]
struct Placed {
    position: u64,
    type_id: TypeId,
    name: fn() -> &'static str,
}

impl ScopeStore {
    /// An empty scope, whose durable steps are written to this ledger.
    #[must_use]
    pub(crate) fn new(ledger: &Arc<Ledger>) -> Self {
        let teardown = Teardown { stack: Arc::default(), ledger: Arc::clone(ledger) };
        Self { values: Vec::new(), order: Vec::new(), teardown }
    }

    /// The handle with which this scope's fixtures register their steps.
    #[must_use]
    pub(crate) fn teardown(&self) -> &Teardown {
        &self.teardown
    }

    /// What would be done to end the scope, the next step first.
    #[must_use]
    pub(crate) fn steps(&self) -> Vec<String> {
        self.teardown.lock().steps.iter().rev().map(|step| step.what.clone()).collect()
    }

    /// How many values it holds.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn find(&self, type_id: TypeId) -> Option<&Stored> {
        self.values.iter().find(|(stored, _)| *stored == type_id).map(|(_, state)| state)
    }

    pub(super) fn mark(&mut self, type_id: TypeId, state: Stored) {
        self.values.retain(|(stored, _)| *stored != type_id);
        self.values.push((type_id, state));
    }

    pub(super) fn keep(&mut self, descriptor: &FixtureDescriptor, value: Rc<dyn Any>) {
        let position = self.teardown.lock().next_position();
        self.mark(descriptor.type_id, Stored::Ready(value));
        self.order.push(Placed { position, type_id: descriptor.type_id, name: descriptor.name });
    }

    pub(super) fn lend(&mut self, type_id: TypeId) -> Option<Stored> {
        let position = self.values.iter().position(|(stored, _)| *stored == type_id)?;
        Some(self.values.swap_remove(position).1)
    }

    /// Takes back what [`Self::lend`] gave for a test.
    pub(crate) fn take_back(&mut self, value: Rc<dyn Any>) {
        let type_id = (*value).type_id();
        self.mark(type_id, Stored::Ready(value));
    }

    /// Ends the scope: drops the values and runs the steps, last in, first out.
    ///
    /// `before_step` is called before each of them.
    pub(crate) async fn unwind(
        &mut self,
        outcome: Outcome,
        limit: Duration,
        before_step: impl Fn(),
    ) -> Vec<TeardownProblem> {
        let mut problems = Vec::new();
        for taken in 0.. {
            if taken == MOST_STEPS {
                problems.push(self.give_up());
                break;
            }
            let step = {
                let mut stack = self.teardown.lock();
                let last_value = self.order.last().map_or(0, |placed| placed.position);
                match stack.steps.pop_if(|step| step.position > last_value) {
                    Some(step) => Some(step),
                    None if self.order.is_empty() => {
                        stack.closed = true;
                        break;
                    }
                    None => None,
                }
            };
            before_step();
            let problem = match (step, self.order.pop()) {
                (Some(step), value) => {
                    self.order.extend(value);
                    step.run_within(outcome, limit).await
                }
                (None, Some(value)) => self.drop_value(&value),
                (None, None) => None,
            };
            problems.extend(problem);
        }
        self.values.clear();
        problems
    }

    /// Steps that register steps without an end are cut off.
    fn give_up(&mut self) -> TeardownProblem {
        let mut stack = self.teardown.lock();
        stack.closed = true;
        let what = stack.steps.pop().map_or_else(|| "teardown".to_owned(), |step| step.what);
        let left = std::mem::take(&mut stack.steps);
        drop(stack);
        drop(left);
        let problem =
            Problem::new(format!("gave up after {MOST_STEPS} steps: its steps register new ones without an end"));
        TeardownProblem { what, timed_out: false, problem }
    }

    fn drop_value(&mut self, placed: &Placed) -> Option<TeardownProblem> {
        let value = self.lend(placed.type_id)?;
        let dropped = catch_panic(|| tokio::task::block_in_place(|| drop(value)));
        dropped.err().map(|caught| TeardownProblem {
            what: format!("drop {}", (placed.name)()),
            timed_out: false,
            problem: caught.into_problem(),
        })
    }
}

impl Step {
    async fn run_within(self, outcome: Outcome, limit: Duration) -> Option<TeardownProblem> {
        let Self { what, run, .. } = self;
        let step = catch(async move { run(outcome).await });
        let (timed_out, problem) = match tokio::time::timeout(limit, step).await {
            Ok(Ok(Ok(()))) => return None,
            Ok(Ok(Err(problem))) => (false, problem),
            Ok(Err(caught)) => (false, caught.into_problem()),
            Err(_) => (true, Problem::new(format!("still running after its limit of {limit:?}"))),
        };
        Some(TeardownProblem { what, timed_out, problem })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_ledger() -> ScopeStore {
        ScopeStore::new(&Ledger::new(|| Err("there is no ledger here".into())))
    }

    type Journal = Arc<Mutex<Vec<&'static str>>>;

    fn note(journal: &Journal, word: &'static str) -> impl Future<Output = ()> + Send + use<> {
        let journal = Arc::clone(journal);
        async move { journal.lock().unwrap().push(word) }
    }

    fn unwind(store: &mut ScopeStore) -> Vec<TeardownProblem> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        runtime.block_on(store.unwind(Outcome::Passed, Duration::from_millis(50), || ()))
    }

    #[test]
    fn steps_run_last_in_first_out_and_a_bad_one_stops_nobody() {
        let journal = Journal::default();
        let mut store = no_ledger();
        let teardown = store.teardown().clone();
        teardown.defer("first", note(&journal, "first"));
        teardown.defer("fails", async { Err::<(), _>("no such bucket") });
        teardown.defer("panics", async { assert!(std::hint::black_box(false), "oh") });
        teardown.defer("hangs", std::future::pending::<()>());
        teardown.defer("last", note(&journal, "last"));
        let problems = unwind(&mut store);
        assert_eq!(*journal.lock().unwrap(), ["last", "first"]);
        let told: Vec<_> = problems.iter().map(|problem| (problem.what.as_str(), problem.timed_out)).collect();
        assert_eq!(told, [("hangs", true), ("panics", false), ("fails", false)]);
    }

    #[test]
    fn a_value_is_dropped_between_the_steps_before_and_after_it() {
        struct Telling(Journal);
        impl Drop for Telling {
            fn drop(&mut self) {
                self.0.lock().unwrap().push("value");
            }
        }
        let journal = Journal::default();
        let mut store = no_ledger();
        store.teardown().defer("older", note(&journal, "older"));
        let descriptor = FixtureDescriptor {
            type_id: TypeId::of::<Telling>(),
            name: std::any::type_name::<Telling>,
            ..*Teardown::descriptor()
        };
        store.keep(&descriptor, Rc::new(Telling(Arc::clone(&journal))));
        store.teardown().defer("newer", note(&journal, "newer"));
        assert_eq!(unwind(&mut store), []);
        assert_eq!(*journal.lock().unwrap(), ["newer", "value", "older"]);
    }

    #[test]
    fn steps_that_register_steps_without_an_end_are_cut_off() {
        fn again(teardown: &Teardown) {
            let inner = teardown.clone();
            teardown.defer("again", async move { again(&inner) });
        }
        let mut store = no_ledger();
        again(store.teardown());
        let problems = unwind(&mut store);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].problem.message.contains("without an end"));
    }

    #[test]
    fn a_step_may_look_at_the_outcome_and_may_register_another() {
        let journal = Journal::default();
        let mut store = no_ledger();
        let teardown = store.teardown().clone();
        let (inner, later) = (teardown.clone(), note(&journal, "later"));
        teardown.defer_with("outer", move |outcome| async move {
            assert_eq!(outcome, Outcome::Passed);
            inner.defer("inner", later);
        });
        assert_eq!(unwind(&mut store), []);
        assert_eq!(*journal.lock().unwrap(), ["later"]);
        let late = catch_panic(|| teardown.defer("too late", async {}));
        assert!(late.is_err(), "nobody would run it");
    }
}
