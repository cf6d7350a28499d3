//! What a test can know about itself and about the run it is part of.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::panic::skip;
use super::setting::given_fixture_setting;
use crate::model::{CaseMeta, Note, Require, Seed, SourceLocation, TestId, Turn, WorkerId};

/// The running test: a fixture that every test can ask for.
///
/// # Examples
///
/// ```ignore
/// #[integration_test(tags("smoke"))]
/// fn knows_its_name(info: &TestInfo) {
///     assert_eq!(info.id().as_str(), "knows_its_name");
/// }
/// ```
#[derive(Debug, Clone)]
pub struct TestInfo {
    id: TestId,
    case: &'static str,
    location: SourceLocation,
    meta: CaseMeta,
    seed: Seed,
    worker: WorkerId,
    attempt: u32,
    round: u32,
    streams: Arc<AtomicU64>,
    notes: Arc<Mutex<Vec<Note>>>,
}

impl TestInfo {
    /// Describes a test that is about to run.
    #[must_use]
    pub fn new(id: TestId, location: SourceLocation, meta: CaseMeta, seed: Seed, worker: WorkerId) -> Self {
        let (streams, notes) = (Arc::default(), Arc::default());
        Self { id, case: "", location, meta, seed, worker, attempt: 1, round: 1, streams, notes }
    }

    /// The same as a case of its test: `too_large::padded_true`.
    #[must_use]
    pub(crate) fn of_case(self, case: &'static str) -> Self {
        Self { case, ..self }
    }

    /// The same test in an attempt and a round.
    #[must_use]
    pub(crate) fn during(self, turn: Turn) -> Self {
        Self { attempt: turn.attempt, round: turn.round, ..self }
    }

    /// Adds a note about the test, such as the rows that it changed. Reports show the notes of a test that did not pass, under their
    /// titles, and the record keeps those of all tests.
    ///
    /// A fixture may add notes until its teardown has ended.
    pub fn add_note(&self, title: impl Into<String>, text: impl Into<String>) {
        let note = Note { title: title.into(), text: text.into() };
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }

    /// Takes the notes, for the report of the attempt.
    #[must_use]
    pub(crate) fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Its full name, `module::test` or `module::test::case`.
    #[must_use]
    pub fn id(&self) -> &TestId {
        &self.id
    }

    /// The name of its case as part of a file's name: `too_large__padded_true` for `module::test::too_large::padded_true`. It is
    /// empty for a test that is its own only case.
    ///
    /// # Examples
    ///
    /// ```ignore
    /// #[integration_test]
    /// #[case::short("Emma")]
    /// #[case::long("Persuasion")]
    /// fn greets(info: &TestInfo, #[case] name: &str) {
    ///     insta::with_settings!({ snapshot_suffix => info.case() }, {
    ///         insta::assert_snapshot!(format!("Hello, {name}!"));
    ///     });
    /// }
    /// ```
    #[must_use]
    pub fn case(&self) -> String {
        self.case.replace("::", "__")
    }

    /// Where it stands in the source.
    #[must_use]
    pub fn location(&self) -> &SourceLocation {
        &self.location
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> &'static [&'static str] {
        self.meta.tags
    }

    /// The integration points it says it covers.
    #[must_use]
    pub fn covers(&self) -> &'static [&'static str] {
        self.meta.covers
    }

    /// The run's seed.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The worker that runs it, counted from 0; no two tests that run side by side share one.
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// Which attempt at the test this is, counted from 1: after a failure another may be made (`--retries`). Under
    /// cargo-nextest its number.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Which round of the run this is, counted from 1: `--repeat` and its like make more than one.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Whether the run wishes to see what a failed test did to its data (`--show-data`). The databases of itest show it; fixtures
    /// of your own may, on the standard error, in a step of their teardown.
    #[must_use]
    pub fn shows_data(&self) -> bool {
        given_fixture_setting("ITEST_SHOW_DATA") == Some("true")
    }

    /// A number that no earlier caller in this test was given: 0, 1, 2, …
    #[must_use]
    pub fn next_stream(&self) -> u64 {
        self.streams.fetch_add(1, Ordering::Relaxed)
    }
}

thread_local! {
    static REQUIRE: Cell<Require> = const { Cell::new(Require::Nothing) };
    static JOBS: Cell<NonZeroUsize> = const { Cell::new(NonZeroUsize::MIN) };
}

/// Says how many tests of the run may run side by side, those on this thread among them.
pub(crate) fn set_jobs(jobs: NonZeroUsize) {
    JOBS.set(jobs);
}

/// How many tests of the run may run side by side: for fixtures that share what there is not enough of.
#[must_use]
pub fn jobs() -> NonZeroUsize {
    JOBS.get()
}

/// Says what the tests on this thread do about a missing service.
pub(crate) fn set_requirement(require: Require) {
    REQUIRE.set(require);
}

/// Ends the test because a service is not there: skipped, or failed where the run requires it.
///
/// # Panics
///
/// Always: that is how a test ends from within.
#[expect(clippy::panic, reason = "a panic is how a test fails")]
#[track_caller]
pub fn unavailable(service: &str, remedy: &str) -> ! {
    match REQUIRE.get() {
        Require::Nothing => skip(format!("{service} is not available: {remedy}")),
        Require::All => panic!("{service} is not available, and this run requires it: {remedy}"),
    }
}
