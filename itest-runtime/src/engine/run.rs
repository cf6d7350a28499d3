//! A run, as the command line hands it to the engine.

use std::time::Instant;

use crate::model::{Case, Facts, Place, RunConfig, TestId};

/// Whether an event tells many times a second which cases run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LiveProgress {
    /// The report shows it.
    Shown,
    /// The report does not show it.
    Hidden,
}

/// A run, ready to start.
#[derive(Debug)]
pub(crate) struct Run {
    /// The settings of the run.
    pub config: RunConfig,
    /// The cases, in the order in which they start.
    pub cases: Vec<Case>,
    /// The place of each case in a script. Empty in a run without a script, where any free worker runs the next case.
    pub places: Vec<Place>,
    /// The cases that `#[ignore]` leaves out, with their reasons.
    pub ignored: Vec<(TestId, &'static str)>,
    /// How many cases the selection left out.
    pub filtered_out: usize,
    /// Whether a terminal shows which cases run.
    pub live: LiveProgress,
    /// The run is ended at this moment, if it has not ended before.
    pub until: Option<Instant>,
    /// The facts about the machine and the build that the record keeps.
    pub facts: Facts,
}
