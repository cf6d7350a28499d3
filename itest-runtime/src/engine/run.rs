//! What is to be run.

use std::time::Instant;

use crate::model::{Case, Facts, Place, RunConfig, TestId};

/// A run, ready to start.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its settings.
    pub config: RunConfig,
    /// What runs, in order.
    pub cases: Vec<Case>,
    /// Where each of these runs, if that is said beforehand; empty, if whoever is free runs the next one.
    pub places: Vec<Place>,
    /// What the tests themselves leave out, with their reasons.
    pub ignored: Vec<(TestId, &'static str)>,
    /// How many cases the selection left out.
    pub filtered_out: usize,
    /// Whether anyone watches the progress.
    pub is_watched: bool,
    /// When it ends at the latest, whatever it does.
    pub until: Option<Instant>,
    /// What a record says of the surroundings.
    pub facts: Facts,
}
