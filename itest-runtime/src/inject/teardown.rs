//! What was taken is given back: the handle with which that is registered.

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

impl Teardown {
    /// The handle of a new scope.
    pub(super) fn new(ledger: &Arc<Ledger>) -> Self {
        Self { stack: Arc::default(), ledger: Arc::clone(ledger) }
    }

    /// Registers a step; `what` names it in reports.
    ///
    /// The causes of its error are reported if the error is an [`Error`], a boxed error, or one of anyhow or eyre. Of other
    /// types only the text is; a step that returns `itest::Result` and uses `?` keeps their causes, too.
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
        let run: RunStep = Box::new(|outcome| {
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
    #[track_caller]
    pub fn durable<A: Portable>(&self, function: fn(A) -> Durable<A>, arguments: A) -> Result<(), Error> {
        let caller = Location::caller();
        let on_behalf = |error: Error| Error::at(error.to_string(), caller);
        let (entry, arguments) = function(arguments).write_down().map_err(on_behalf)?;
        let ticket = self.ledger.take(entry.name, arguments.clone()).map_err(on_behalf)?;
        let ledger = Arc::clone(&self.ledger);
        let run: RunStep = Box::new(move |_| {
            Box::pin(async move {
                entry.give_back(&arguments).await?;
                ledger.give_back(ticket);
                Ok(())
            }) as StepFuture
        });
        self.push(entry.name.to_owned(), run);
        Ok(())
    }

    /// Adds a remark to the run's summary, on the tests that used a fixture of a worker. The fixture calls it at the latest in its teardown.
    #[doc(hidden)]
    pub fn remark(&self, remark: Remark) {
        self.lock().remark(remark);
    }

    /// A folder of this process; see [`Ledger::folder`].
    pub(crate) fn process_folder(&self) -> Result<PathBuf, Error> {
        self.ledger.folder()
    }

    #[expect(clippy::panic, reason = "a resource that nobody will give back must not go unnoticed")]
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
