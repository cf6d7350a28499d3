//! Merges several records into one: those of shards, or of several suites.

use std::time::Duration;

use super::record::{Extent, Record};
use crate::model::{Event, FlakyResult, Summary, WorkerId, sort, sort_by_key};

impl Record {
    /// Merges records. Workers get new numbers, so that workers of different records have different numbers.
    ///
    /// A run without an end in its record gets an end with the results so far, and counts as failed.
    #[must_use]
    pub(crate) fn merge(records: Vec<Self>) -> Self {
        let mut merger = Merger::default();
        for record in records {
            merger.add(record);
        }
        merger.all.events.push(Event::RunFinished(merger.total));
        merger.all
    }
}

/// The merged result of the records so far.
#[derive(Debug, Default)]
struct Merger {
    all: Record,
    total: Summary,
    /// The number of the current record's first worker.
    first_worker: u32,
    /// The run of the current record whose end has not been read yet.
    open: Option<OpenRun>,
}

/// A run that has begun and not ended.
#[derive(Debug, Default)]
struct OpenRun {
    selected: usize,
    /// The results of its tests so far.
    counted: Summary,
}

impl Merger {
    fn add(&mut self, record: Record) {
        if self.all.events.is_empty() {
            (self.all.facts, self.all.seed) = (record.facts, record.seed);
        } else {
            // Several shards together are not a shard.
            self.all.facts.shard = None;
            if let Some(Event::RunStarted { facts, .. }) = self.all.events.first_mut() {
                facts.shard = None;
            }
        }
        if record.extent == Extent::CutOff {
            self.all.extent = Extent::CutOff;
        }
        let mut next_worker = self.first_worker;
        for mut event in record.events {
            match &mut event {
                Event::CaseFinished(case) | Event::CaseRetried(case) => {
                    case.worker = WorkerId(self.first_worker.saturating_add(case.worker.0));
                    next_worker = next_worker.max(case.worker.0.saturating_add(1));
                }
                _ => {}
            }
            self.take(event);
        }
        self.first_worker = next_worker;
        self.close();
    }

    fn take(&mut self, mut event: Event) {
        match &mut event {
            Event::RunStarted { selected, jobs, .. } => {
                // A record may contain several runs in sequence.
                self.close();
                self.open = Some(OpenRun { selected: *selected, counted: Summary::default() });
                if let Some(Event::RunStarted { selected: sum, jobs: most, .. }) = self.all.events.first_mut() {
                    increase(sum, *selected);
                    increase(most, *jobs);
                    return;
                }
            }
            Event::CaseFinished(case) => {
                if let Some(OpenRun { counted, .. }) = &mut self.open {
                    counted.count(case);
                    counted.elapsed = counted.elapsed.max(case.started.saturating_add(case.elapsed));
                }
            }
            Event::RunFinished(summary) => {
                self.open = None;
                return add(&mut self.total, std::mem::take(summary));
            }
            _ => {}
        }
        self.all.events.push(event);
    }

    /// Ends a run whose record is cut off. The outcomes of its other tests are not known, so the run counts as failed.
    fn close(&mut self) {
        let Some(OpenRun { selected, mut counted }) = self.open.take() else { return };
        let finished = counted.passed + counted.failed + counted.ignored;
        counted.problems.push(format!("a record ends early: it has the results of {finished} of {selected} tests"));
        add(&mut self.total, counted);
    }
}

/// Adds the summary of a run. The runs may have run at the same time, so counts add up, and of the durations the
/// longest counts.
fn add(total: &mut Summary, other: Summary) {
    // Whether flaky tests fail a run is a setting of each run. If they failed one of the runs, the merged run fails as
    // well.
    if other.flaky > 0 && other.flaky_result == FlakyResult::Fail {
        total.flaky_result = FlakyResult::Fail;
    }
    increase(&mut total.passed, other.passed);
    increase(&mut total.flaky, other.flaky);
    increase(&mut total.failed, other.failed);
    increase(&mut total.ignored, other.ignored);
    increase(&mut total.quarantined, other.quarantined);
    increase(&mut total.filtered_out, other.filtered_out);
    increase(&mut total.not_run, other.not_run);
    increase(&mut total.given_back, other.given_back);
    increase(&mut total.swept.sessions, other.swept.sessions);
    total.swept.recovered.add(other.swept.recovered);
    total.problems.extend(other.problems);
    for remark in other.remarks {
        remark.add_to(&mut total.remarks);
    }
    total.used.extend(other.used);
    sort(&mut total.used);
    total.used.dedup();
    total.interrupted_by = total.interrupted_by.take().or(other.interrupted_by);
    total.rounds = total.rounds.max(other.rounds);
    total.elapsed = Duration::max(total.elapsed, other.elapsed);
    total.slowest.extend(other.slowest);
    sort_by_key(&mut total.slowest, |timing| std::cmp::Reverse(timing.elapsed));
    total.slowest.truncate(5);
}

/// Adds to a count without overflow, because a record may contain any number.
fn increase(count: &mut usize, more: usize) {
    *count = count.saturating_add(more);
}
