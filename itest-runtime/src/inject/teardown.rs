//! The handle with which tests and fixtures register teardown steps.

use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::conclude::Conclude;
use super::durable::Durable;
use super::error::Error;
use super::ledger::Ledger;
use super::portable::Portable;
use super::stack::{RunStep, Stack, StepFuture};
use crate::model::{Outcome, Remark};

/// The handle with which a fixture or a test registers a teardown step when it acquires a resource.
///
/// The steps run last in, first out, when the scope of the fixture or test ends, whether the test passes or fails. Each step has its
/// own time limit. A step that fails, panics or hangs does not stop the other steps, and is reported with the test's own outcome.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// # struct Broker;
/// # #[derive(Clone)]
/// # struct Queue;
/// # impl Broker {
/// #     async fn declare(&self, _name: &str) -> Result<Queue> { Ok(Queue) }
/// # }
/// # impl Queue {
/// #     async fn delete(self) -> Result { Ok(()) }
/// # }
/// # #[fixture]
/// # fn broker() -> Broker { Broker }
///
/// #[fixture]
/// async fn queue(broker: &Broker, teardown: &Teardown) -> Result<Queue> {
///     let queue = broker.declare("orders").await?;
///     teardown.defer("delete the queue", queue.clone().delete());
///     Ok(queue)
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Teardown {
    stack: Arc<Mutex<Stack>>,
    ledger: Arc<Ledger>,
}

impl Teardown {
    /// Creates the handle of a new scope.
    pub(super) fn new(ledger: &Arc<Ledger>) -> Self {
        Self { stack: Arc::default(), ledger: Arc::clone(ledger) }
    }

    /// Registers a step. `what` is the name of the step in reports.
    ///
    /// If the step's error is an [`Error`], a boxed error, or an error of anyhow or eyre, its causes are reported. For other error
    /// types only the text is reported, unless the step returns `itest::Result` and uses `?`.
    ///
    /// # Panics
    ///
    /// If the scope has ended already, because the step would never run.
    pub fn defer<F>(&self, what: impl Into<String>, step: F)
    where
        F: Future<Output: Conclude> + Send + 'static,
    {
        self.defer_with(what, |_| step);
    }

    /// Registers a step that depends on the outcome of the test.
    ///
    /// A step of a worker fixture always receives [`Outcome::Passed`], because the fixture outlives the tests.
    ///
    /// # Panics
    ///
    /// If the scope has ended already, because the step would never run.
    pub fn defer_with<F>(&self, what: impl Into<String>, step: impl FnOnce(Outcome) -> F + Send + 'static)
    where
        F: Future<Output: Conclude> + Send + 'static,
    {
        let run: RunStep = Box::new(|outcome| {
            let step = step(outcome);
            Box::pin(async move { step.await.conclude() }) as StepFuture
        });
        self.push(what.into(), run);
    }

    /// Registers a step that runs even if this process is killed.
    ///
    /// The function must have the attribute `#[teardown]`. Its name and arguments are written to the ledger on disk before this
    /// method returns. Call this method *before* you acquire the resource. If this process dies, another process of the run calls the
    /// function; if all processes of the run die, the next run calls it. The function may therefore be called more than once, and must
    /// succeed if there is nothing to give back. The arguments are in a file that only its owner can read.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be written, or the arguments cannot be serialized. Do not acquire the resource then.
    ///
    /// # Panics
    ///
    /// If the scope has ended already.
    #[track_caller]
    pub fn durable<A: Portable>(&self, function: fn(A) -> Durable<A>, arguments: A) -> Result<(), Error> {
        let caller = Location::caller();
        let at_caller = |error: Error| Error::at(error.to_string(), caller);
        let (entry, arguments) = function(arguments).to_json().map_err(at_caller)?;
        let entry_number = self.ledger.take(entry.name, arguments.clone()).map_err(at_caller)?;
        let ledger = Arc::clone(&self.ledger);
        let run: RunStep = Box::new(move |_| {
            Box::pin(async move {
                entry.give_back(&arguments).await?;
                ledger.give_back(entry_number);
                Ok(())
            }) as StepFuture
        });
        self.push(entry.name.to_owned(), run);
        Ok(())
    }

    /// Adds a remark about the tests that used a worker fixture to the run's summary. The fixture must call this before its teardown ends.
    #[doc(hidden)]
    pub fn remark(&self, remark: Remark) {
        self.lock().remark(remark);
    }

    /// The temporary folder of this process; see [`Ledger::folder`].
    pub(crate) fn process_folder(&self) -> Result<PathBuf, Error> {
        self.ledger.folder()
    }

    #[expect(clippy::panic, reason = "a step that would never run must not go unnoticed")]
    fn push(&self, what: String, run: RunStep) {
        let pushed = self.lock().push(what, run);
        if let Err(what) = pushed {
            panic!("`{what}` was deferred after its scope had ended; defer it before the resource is acquired");
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Stack> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Teardown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stack = self.lock();
        formatter.debug_list().entries(stack.names()).finish()
    }
}
