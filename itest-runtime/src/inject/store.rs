//! The values of one scope, and the way back from them.

use std::any::{Any, TypeId};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::fixture::FixtureDescriptor;
use super::ledger::Ledger;
use super::panic::{Caught, catch_panic};
use super::stack::{Next, TeardownProblem};
use super::teardown::Teardown;
use crate::model::{Outcome, Problem, Remark};

/// No scope has so many steps; what goes on for longer goes on for ever.
const MOST_STEPS: u32 = 10_000;

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
        Self { values: Vec::new(), order: Vec::new(), teardown: Teardown::new(ledger) }
    }

    /// The handle with which this scope's fixtures register their steps.
    #[must_use]
    pub(crate) fn teardown(&self) -> &Teardown {
        &self.teardown
    }

    /// What would be done to end the scope, the next step first.
    #[must_use]
    pub(crate) fn steps(&self) -> Vec<String> {
        self.teardown.lock().names().map(str::to_owned).collect()
    }

    /// Takes the remarks of its fixtures on the tests that used them.
    pub(crate) fn take_remarks(&mut self) -> Vec<Remark> {
        self.teardown.lock().take_remarks()
    }

    /// Whether nothing is to be done to end the scope.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.teardown.lock().names().next().is_none()
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
            let next = self.teardown.lock().pop(self.order.last().map(|placed| placed.position));
            if matches!(next, Next::End) {
                break;
            }
            before_step();
            let problem = match next {
                Next::Step(step) => step.run_within(outcome, limit).await,
                Next::Other => self.order.pop().and_then(|value| self.drop_value(&value)),
                Next::End => None,
            };
            problems.extend(problem);
        }
        self.values.clear();
        problems
    }

    /// Steps that register steps without an end are cut off.
    fn give_up(&mut self) -> TeardownProblem {
        let (what, left) = self.teardown.lock().give_up();
        // Not under the lock: what the steps own may use the handle once more.
        drop(left);
        let what = what.unwrap_or_else(|| "teardown".to_owned());
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::inject::fixture::Fixture;

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
