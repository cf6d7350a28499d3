//! The fixture values and teardown steps of one scope.

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

/// The maximum number of teardown steps of a scope. A scope with more steps is assumed to register new steps without an end.
const MAX_STEPS: u32 = 10_000;

/// The fixture values and teardown steps of one scope.
#[derive(Debug)]
pub(crate) struct ScopeStore {
    /// A scope has few values, so that a linear search is faster than hashing.
    values: Vec<(TypeId, Stored)>,
    order: Vec<OrderedValue>,
    teardown: Teardown,
}

/// The state of a fixture's value in its scope.
#[derive(Debug)]
pub(super) enum Stored {
    /// The value can be borrowed.
    Ready(Rc<dyn Any>),
    /// The setup has begun. If a later test finds this state, the setup was ended by its time limit.
    InSetup,
    /// The setup failed. Every test that needs the fixture is reported with this cause.
    Failed(Caught),
}

#[derive(Debug)]
struct OrderedValue {
    position: u64,
    type_id: TypeId,
    name: fn() -> &'static str,
}

impl ScopeStore {
    /// An empty scope that writes its durable steps to this ledger.
    #[must_use]
    pub(crate) fn new(ledger: &Arc<Ledger>) -> Self {
        Self { values: Vec::new(), order: Vec::new(), teardown: Teardown::new(ledger) }
    }

    /// The handle with which this scope's fixtures register their steps.
    #[must_use]
    pub(crate) fn teardown(&self) -> &Teardown {
        &self.teardown
    }

    /// The names of the remaining teardown steps, the next one first.
    #[must_use]
    pub(crate) fn steps(&self) -> Vec<String> {
        self.teardown.lock().names().map(str::to_owned).collect()
    }

    /// Removes and returns the remarks of the fixtures about the tests that used them.
    pub(crate) fn take_remarks(&mut self) -> Vec<Remark> {
        self.teardown.lock().take_remarks()
    }

    /// Whether the scope has no values and no teardown steps.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.teardown.lock().names().next().is_none()
    }

    pub(super) fn find(&self, type_id: TypeId) -> Option<&Stored> {
        self.values.iter().find(|(stored, _)| *stored == type_id).map(|(_, state)| state)
    }

    pub(super) fn set(&mut self, type_id: TypeId, state: Stored) {
        self.values.retain(|(stored, _)| *stored != type_id);
        self.values.push((type_id, state));
    }

    /// Stores a new value, and its position in the order of teardown.
    pub(super) fn insert(&mut self, descriptor: &FixtureDescriptor, value: Rc<dyn Any>) {
        let position = self.teardown.lock().next_position();
        self.set(descriptor.type_id, Stored::Ready(value));
        self.order.push(OrderedValue { position, type_id: descriptor.type_id, name: descriptor.name });
    }

    /// Removes a value for the time of a test that borrows it as `&mut`.
    pub(super) fn lend(&mut self, type_id: TypeId) -> Option<Stored> {
        let position = self.values.iter().position(|(stored, _)| *stored == type_id)?;
        Some(self.values.swap_remove(position).1)
    }

    /// Stores a value again that [`Self::lend`] removed.
    pub(crate) fn take_back(&mut self, value: Rc<dyn Any>) {
        let type_id = (*value).type_id();
        self.set(type_id, Stored::Ready(value));
    }

    /// Ends the scope. Drops the values and runs the steps, last in, first out, and calls `before_step` before each of them.
    pub(crate) async fn unwind(
        &mut self,
        outcome: Outcome,
        limit: Duration,
        before_step: impl Fn(),
    ) -> Vec<TeardownProblem> {
        let mut problems = Vec::new();
        for count in 0.. {
            if count == MAX_STEPS {
                problems.push(self.abandon());
                break;
            }
            let next = self.teardown.lock().pop(self.order.last().map(|value| value.position));
            if matches!(next, Next::End) {
                break;
            }
            before_step();
            let problem = match next {
                Next::Step(step) => step.run_within(outcome, limit).await,
                Next::DropValue => self.order.pop().and_then(|value| self.drop_value(&value)),
                Next::End => None,
            };
            problems.extend(problem);
        }
        self.values.clear();
        problems
    }

    /// Drops the remaining steps without running them.
    fn abandon(&mut self) -> TeardownProblem {
        let (what, remaining) = self.teardown.lock().abandon();
        // The steps are dropped without the lock, because values that they own may use the handle in their `Drop`.
        drop(remaining);
        let what = what.unwrap_or_else(|| "teardown".to_owned());
        let problem =
            Problem::new(format!("gave up after {MAX_STEPS} steps: its steps register new ones without an end"));
        TeardownProblem { what, timed_out: false, problem }
    }

    fn drop_value(&mut self, ordered: &OrderedValue) -> Option<TeardownProblem> {
        let value = self.lend(ordered.type_id)?;
        let dropped = catch_panic(|| tokio::task::block_in_place(|| drop(value)));
        dropped.err().map(|caught| TeardownProblem {
            what: format!("drop {}", (ordered.name)()),
            timed_out: false,
            problem: caught.into_problem(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::inject::Function;

    fn store_without_ledger() -> ScopeStore {
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
    fn failed_steps_do_not_stop_the_steps_after_them() {
        let journal = Journal::default();
        let mut store = store_without_ledger();
        let teardown = store.teardown().clone();
        teardown.defer("first", note(&journal, "first"));
        teardown.defer("fails", async { Err::<(), _>("no such bucket") });
        teardown.defer("panics", async { assert!(std::hint::black_box(false), "oh") });
        teardown.defer("hangs", std::future::pending::<()>());
        teardown.defer("last", note(&journal, "last"));
        let problems = unwind(&mut store);
        assert_eq!(*journal.lock().unwrap(), ["last", "first"]);
        let reported: Vec<_> = problems.iter().map(|problem| (problem.what.as_str(), problem.timed_out)).collect();
        assert_eq!(reported, [("hangs", true), ("panics", false), ("fails", false)]);
    }

    #[test]
    fn value_is_dropped_between_older_and_newer_steps() {
        struct NotesItsDrop(Journal);
        impl Drop for NotesItsDrop {
            fn drop(&mut self) {
                self.0.lock().unwrap().push("value");
            }
        }
        let journal = Journal::default();
        let mut store = store_without_ledger();
        store.teardown().defer("older", note(&journal, "older"));
        let descriptor = FixtureDescriptor {
            type_id: TypeId::of::<NotesItsDrop>(),
            name: std::any::type_name::<NotesItsDrop>,
            ..FixtureDescriptor::of::<Teardown>(&[], Function::Sync(|_| Err("".into())))
        };
        store.insert(&descriptor, Rc::new(NotesItsDrop(Arc::clone(&journal))));
        store.teardown().defer("newer", note(&journal, "newer"));
        assert_eq!(unwind(&mut store), []);
        assert_eq!(*journal.lock().unwrap(), ["newer", "value", "older"]);
    }

    #[test]
    fn steps_that_register_steps_without_an_end_are_stopped() {
        fn again(teardown: &Teardown) {
            let inner = teardown.clone();
            teardown.defer("again", async move { again(&inner) });
        }
        let mut store = store_without_ledger();
        again(store.teardown());
        let problems = unwind(&mut store);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].problem.message.contains("without an end"));
    }

    #[test]
    fn step_receives_the_outcome_and_can_register_another_step() {
        let journal = Journal::default();
        let mut store = store_without_ledger();
        let teardown = store.teardown().clone();
        let (inner, later) = (teardown.clone(), note(&journal, "later"));
        teardown.defer_with("outer", move |outcome| async move {
            assert_eq!(outcome, Outcome::Passed);
            inner.defer("inner", later);
        });
        assert_eq!(unwind(&mut store), []);
        assert_eq!(*journal.lock().unwrap(), ["later"]);
        let late = catch_panic(|| teardown.defer("too late", async {}));
        assert!(late.is_err(), "the step would never run");
    }
}
