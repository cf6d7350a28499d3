//! The information that a test can read about itself and about its run.

use std::borrow::Cow;
use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::error::Error;
use super::panic::skip;
use super::phase::{last_phase_of_body, phase_of_attempt};
use super::running::RunningAttempt;
use super::setting::given_fixture_setting;
use crate::model::{
    CallPlan, CaseMeta, Exchange, Note, Outcome, Phase, Problem, Require, Seed, SourceLocation, TestId, Turn, WorkerId,
};

/// The running test. Every test can request this built-in fixture.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
///
/// #[integration_test(tags("smoke"))]
/// fn knows_its_tags(info: &TestInfo) {
///     assert_eq!(info.tags(), ["smoke"]);
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
pub struct TestInfo {
    id: TestId,
    case: Cow<'static, str>,
    location: SourceLocation,
    meta: CaseMeta,
    seed: Seed,
    worker: WorkerId,
    attempt: u32,
    round: u32,
    streams: Arc<AtomicU64>,
    running: RunningAttempt,
}

impl TestInfo {
    /// Describes a test that is about to run.
    #[must_use]
    pub fn new(id: TestId, location: SourceLocation, meta: CaseMeta, seed: Seed, worker: WorkerId) -> Self {
        let (streams, running) = (Arc::default(), RunningAttempt::new(&CallPlan::Ignore));
        Self { id, case: Cow::Borrowed(""), location, meta, seed, worker, attempt: 1, round: 1, streams, running }
    }

    /// Sets the name of the case, such as `too_large::padded_true`.
    #[must_use]
    pub(crate) fn of_case(self, case: Cow<'static, str>) -> Self {
        Self { case, ..self }
    }

    /// The same test in an attempt and a round.
    #[must_use]
    pub(crate) fn during(self, turn: Turn) -> Self {
        Self { attempt: turn.attempt, round: turn.round, ..self }
    }

    /// The same test in the attempt that runs now.
    #[must_use]
    pub(crate) fn in_attempt(self, running: RunningAttempt) -> Self {
        Self { running, ..self }
    }

    /// Adds a note about the test, such as the rows that it changed. Reports show the notes of a test that did not pass, under their
    /// titles, and the record keeps those of all tests.
    ///
    /// A fixture may add notes until its teardown has ended.
    pub fn add_note(&self, title: impl Into<String>, text: impl Into<String>) {
        self.running.reports().notes.push(Note { title: title.into(), text: text.into(), is_warning: false });
    }

    /// Adds a warning about the test, such as a rule that it states and does not need. The summary of the run shows the warning even if the
    /// test has passed. It does not fail the test.
    pub fn warn(&self, text: impl Into<String>) {
        self.running.warn(text);
    }

    /// Fails the test, whatever its body returns. A fixture calls this when it finds a mistake that the body does not see, such as a
    /// request that the code under test should not have sent.
    ///
    /// The failure belongs to the current phase, or to the last phase of the body if teardown has begun. It stands before the failure of the
    /// body, because it may be the cause.
    ///
    /// # Examples
    ///
    /// ```
    /// use itest::prelude::*;
    /// # struct Inbox;
    /// # impl Inbox {
    /// #     fn new() -> Self { Self }
    /// #     fn unread(&self) -> usize { 0 }
    /// # }
    ///
    /// struct Mail;
    ///
    /// #[fixture]
    /// fn mail(info: &TestInfo, teardown: &Teardown) -> Mail {
    ///     let (inbox, info) = (Inbox::new(), info.clone());
    ///     teardown.defer("read the inbox", async move {
    ///         if inbox.unread() > 0 {
    ///             info.fail("the test did not read its mail");
    ///         }
    ///     });
    ///     Mail
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn fail(&self, error: impl Into<Error>) {
        self.fail_with(error.into().to_problem());
    }

    /// Like [`TestInfo::fail`], for a problem that may have no location.
    #[doc(hidden)]
    pub fn fail_with(&self, problem: Problem) {
        let phase = match phase_of_attempt() {
            Phase::Teardown => last_phase_of_body(),
            phase => phase,
        };
        self.fail_in(phase, problem);
    }

    /// Fails the test in a phase.
    #[doc(hidden)]
    pub fn fail_in(&self, phase: Phase, problem: Problem) {
        self.running.fail_in(phase, problem);
    }

    /// Whether fixtures have failed the test so far.
    #[doc(hidden)]
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.outcome_of_failures().is_some()
    }

    /// The attempt at the test.
    #[doc(hidden)]
    #[must_use]
    pub fn running(&self) -> &RunningAttempt {
        &self.running
    }

    /// The time since the attempt has begun.
    #[doc(hidden)]
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.running.elapsed()
    }

    /// The current phase of the attempt.
    #[doc(hidden)]
    #[must_use]
    pub fn phase(&self) -> Phase {
        phase_of_attempt()
    }

    /// Adds an exchange between the code under test and a service. The order is that of the calls. The closure adds texts if the exchange is
    /// one of those that are kept.
    #[doc(hidden)]
    pub fn add_exchange(&self, exchange: Exchange, complete: impl FnOnce(&mut Exchange) + Send + 'static) {
        self.running.add_exchange(exchange, complete);
    }

    /// The outcome of a test whose body passes in spite of the failures that fixtures have reported so far.
    pub(crate) fn outcome_of_failures(&self) -> Option<Outcome> {
        self.running.reports().failures.first().map(|failure| failure.phase.failure_outcome())
    }

    /// The full name of the test, `module::test` or `module::test::case`.
    #[must_use]
    pub fn id(&self) -> &TestId {
        &self.id
    }

    /// The name of the case in a form for file names: `too_large__padded_true` for `module::test::too_large::padded_true`. It is
    /// empty for a test without parameter rows.
    ///
    /// # Examples
    ///
    /// ```
    /// use itest::prelude::*;
    ///
    /// #[integration_test]
    /// #[case::short("Emma")]
    /// #[case::long("Persuasion")]
    /// fn greets(info: &TestInfo, #[case] name: &str) -> Result {
    ///     let expected = std::fs::read_to_string(format!("tests/greetings/{}.txt", info.case()))?;
    ///     assert_eq!(format!("Hello, {name}!"), expected);
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn case(&self) -> String {
        self.case.replace("::", "__")
    }

    /// The location of the test in the source.
    #[must_use]
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    /// The tags of the test.
    #[must_use]
    pub fn tags(&self) -> &'static [&'static str] {
        self.meta.tags
    }

    /// The integration points that the test declares to cover.
    #[must_use]
    pub fn covers(&self) -> &'static [&'static str] {
        self.meta.covers
    }

    /// The run's seed.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The worker that runs the test, counted from 0. Tests that run at the same time have different workers.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// The number of this attempt, counted from 1. A failed test may have further attempts (`--retries`). Under cargo-nextest, this
    /// is the number of nextest's attempt.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The round of the run, counted from 1. Options such as `--repeat` make more than one round.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Whether the run shows how a failed test changed its data (`--show-data`). The databases of itest show the changes. Your own
    /// fixtures may print them to standard error in a teardown step.
    #[must_use]
    pub fn shows_data(&self) -> bool {
        given_fixture_setting("ITEST_SHOW_DATA") == Some("true")
    }

    /// The next unused number in this test: 0, 1, 2, …
    #[must_use]
    pub fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }
}

thread_local! {
    static REQUIRE: Cell<Require> = const { Cell::new(Require::Nothing) };
    static JOBS: Cell<NonZeroUsize> = const { Cell::new(NonZeroUsize::MIN) };
}

/// Sets how many tests of the run may run at the same time, in this and all other workers.
pub(crate) fn set_jobs(jobs: NonZeroUsize) {
    JOBS.set(jobs);
}

/// How many tests of the run may run at the same time. Fixtures use the number to divide a limited resource among the tests.
#[must_use]
pub fn jobs() -> NonZeroUsize {
    JOBS.get()
}

/// Sets what the tests on this thread do if a service is missing.
pub(crate) fn set_requirement(require: Require) {
    REQUIRE.set(require);
}

/// Ends the test because a service is not available. The test is skipped, or fails if the run requires the service.
///
/// # Panics
///
/// Always, because a panic is how a test ends itself.
#[expect(clippy::panic, reason = "a panic is how a test fails")]
#[track_caller]
pub fn unavailable(service: &str, remedy: &str) -> ! {
    match REQUIRE.get() {
        Require::Nothing => skip(format!("{service} is not available: {remedy}")),
        Require::All => panic!("{service} is not available, and this run requires it: {remedy}"),
    }
}
