//! Stubs: which requests a stand-in answers, and how.

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::Fault;

use super::contract_check::ContractCheck;
use super::mounted_injection::MountedInjection;
use super::pattern::RequestPattern;
use super::received::Received;
use super::reply::Reply;
use super::times::Times;

/// A stub that has no reply yet. [`NewStub::reply`] mounts it.
#[derive(Debug)]
#[must_use = "a stub answers nothing until `reply` is called"]
pub struct NewStub<'s> {
    stubs: &'s Stubs,
    contract: &'s ContractCheck,
    stub: MountedStub,
}

impl<'s> NewStub<'s> {
    pub(super) fn new(
        stubs: &'s Stubs,
        contract: &'s ContractCheck,
        pattern: RequestPattern,
        location: &'static Location<'static>,
    ) -> Self {
        let stub = MountedStub {
            pattern,
            times: Times::AT_LEAST_ONCE,
            priority: 0,
            reply: Reply::status(200),
            location,
            only_in: None,
            then: None,
            essential: None,
            answered: Arc::default(),
        };
        Self { stubs, contract, stub }
    }

    /// The stub answers exactly one request.
    pub fn once(self) -> Self {
        self.with(|stub| stub.times = Times::from(1))
    }

    /// How many requests the stub answers: `times(2)`, `times(2..)`, `times(..=3)`. By default, at least one.
    ///
    /// # Panics
    ///
    /// If no number of requests is right.
    #[track_caller]
    pub fn times(self, times: impl Into<Times>) -> Self {
        let times = times.into();
        assert!(!times.is_impossible(), "a stub cannot answer {times}");
        self.with(|stub| stub.times = times)
    }

    /// The stub may answer any number of requests, also none.
    pub fn optional(self) -> Self {
        self.times(0..)
    }

    /// The test must fail if the stub answers no request. Without a fault, that holds for each stub that is not optional; `--faults` reports a
    /// test that passes although the only calls that this stub should have answered have failed.
    pub fn essential(self) -> Self {
        self.with(|stub| stub.essential = Some(Arc::default()))
    }

    /// A stub of higher priority answers first. The default is 0.
    pub fn priority(self, priority: i32) -> Self {
        self.with(|stub| stub.priority = priority)
    }

    /// The stub answers only if the stand-in is in this state. The first state is the empty text.
    pub fn in_state(self, state: impl Into<String>) -> Self {
        let state = state.into();
        self.with(|stub| stub.only_in = Some(state))
    }

    /// After an answer of the stub, the stand-in is in this state.
    pub fn then_state(self, state: impl Into<String>) -> Self {
        let state = state.into();
        self.with(|stub| stub.then = Some(state))
    }

    /// Sets the reply and mounts the stub: from now on it answers requests. The handle counts them.
    ///
    /// # Panics
    ///
    /// If the contract of the service forbids the reply, or has no operation for the requests of the stub. A reply that is computed is judged
    /// when it is sent.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "most tests need no handle")]
    pub fn reply(self, reply: Reply) -> Stub {
        let stub = MountedStub { reply, ..self.stub };
        self.contract.check_stub(&stub.pattern, &stub.reply);
        let handle = Stub { text: stub.to_string(), answered: Arc::clone(&stub.answered) };
        self.stubs.lock().mounted.push(Arc::new(stub));
        handle
    }

    fn with(mut self, change: impl FnOnce(&mut MountedStub)) -> Self {
        change(&mut self.stub);
        self
    }
}

/// A mounted stub.
#[derive(Clone)]
pub struct Stub {
    text: String,
    answered: Arc<Mutex<Vec<Received>>>,
}

impl Stub {
    /// The number of requests that the stub has answered.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.answered).len()
    }

    /// The requests that the stub has answered, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.answered).clone()
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A stub with its reply.
#[derive(Debug)]
pub(super) struct MountedStub {
    pub(super) pattern: RequestPattern,
    pub(super) times: Times,
    pub(super) priority: i32,
    pub(super) reply: Reply,
    /// Where the test wrote the stub.
    pub(super) location: &'static Location<'static>,
    pub(super) only_in: Option<String>,
    pub(super) then: Option<String>,
    /// What became of the calls, if the stub is essential.
    pub(super) essential: Option<Arc<EssentialCalls>>,
    answered: Arc<Mutex<Vec<Received>>>,
}

/// What became of the calls to an essential stub.
#[derive(Debug, Default)]
pub(super) struct EssentialCalls {
    /// Whether the service did not process a call because of a fault.
    pub(super) has_failed: AtomicBool,
    /// Whether the service has processed a call.
    pub(super) has_succeeded: AtomicBool,
}

impl MountedStub {
    /// Notes what becomes of a call that the stub answers, or would answer without the fault.
    pub(super) fn note_call(&self, fault: Option<Fault>) {
        if let Some(calls) = &self.essential {
            let is_processed = fault.is_none_or(Fault::is_processed);
            let flag = if is_processed { &calls.has_succeeded } else { &calls.has_failed };
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the stub is essential, and the service has processed none of the calls that it should have answered.
    pub(super) fn is_essential_and_unanswered(&self) -> bool {
        self.essential.as_ref().is_some_and(|calls| {
            calls.has_failed.load(Ordering::Relaxed) && !calls.has_succeeded.load(Ordering::Relaxed)
        })
    }

    /// The number of requests that the stub has answered.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(lock(&self.answered).len()).unwrap_or(u32::MAX)
    }

    /// Counts a request. Returns its number, counted from 0.
    pub(super) fn answer(&self, request: Received) -> usize {
        let mut answered = lock(&self.answered);
        answered.push(request);
        answered.len() - 1
    }
}

impl fmt::Display for MountedStub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the stub for {} at {}", self.pattern, self.location)
    }
}

/// The stubs of a stand-in.
#[derive(Debug, Default)]
pub(super) struct Stubs(Mutex<StubList>);

#[derive(Debug, Default)]
pub(super) struct StubList {
    pub(super) mounted: Vec<Arc<MountedStub>>,
    /// The state of the stand-in.
    pub(super) state: String,
    /// The faults, in the order in which they were injected.
    pub(super) injections: Vec<MountedInjection>,
}

impl Stubs {
    pub(super) fn lock(&self) -> MutexGuard<'_, StubList> {
        lock(&self.0)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
