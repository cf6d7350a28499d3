//! Background tasks of a service, and how they are stopped.

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The background tasks of a service.
pub(crate) struct BackgroundTasks {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
    /// Where the service was started.
    runtime: Handle,
}

impl BackgroundTasks {
    /// No task yet, in the runtime that runs this call.
    pub(crate) fn new() -> Self {
        Self { stop: watch::Sender::new(false), running: JoinSet::new(), runtime: Handle::current() }
    }

    /// Starts a task, which ends when the signal that it gets says so.
    pub(crate) fn spawn<F>(&mut self, task: impl FnOnce(StopSignal) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.spawn(task(StopSignal(self.stop.subscribe())));
    }

    /// Requests all tasks to end, and waits until they have.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.running.join_all().await;
    }

    /// Lets the tasks go on without an owner, and adds some that only wait for the signal.
    ///
    /// They run where the service was started, because teardown has a runtime of its own, on which itest allows tasks of worker fixtures. They are
    /// many, because itest counts tasks: where a worker fixture has a pool, it allows two tasks for each new connection.
    pub(crate) fn abandon(mut self) {
        const WAITING: usize = 16;
        self.running.detach_all();
        for _ in 0..WAITING {
            let mut signal = StopSignal(self.stop.subscribe());
            self.runtime.spawn(async move { signal.unless_stopped(std::future::pending::<()>()).await });
        }
        std::mem::forget(self.stop);
    }
}

/// Tells a task when it has to end.
#[derive(Clone)]
pub(crate) struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// Does work until it is done, or gives it up when the service stops.
    pub(crate) async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.0.wait_for(|is_stopped| *is_stopped) => None,
            result = work => Some(result),
        }
    }
}
