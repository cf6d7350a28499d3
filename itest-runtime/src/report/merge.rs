//! Several records become one: those of shards, or of several suites' worth of runs.

use std::time::Duration;

use super::record::{Extent, Record};
use crate::model::{Event, FlakyResult, Summary, WorkerId};

impl Record {
    /// One record of all that these have. Workers are numbered anew, so that each stays apart from the others.
    ///
    /// A run that has no end in its record is brought to one with what the record has, and that is no success.
    #[must_use]
    pub(crate) fn merge(records: Vec<Self>) -> Self {
        let mut merged = Merged::default();
        for record in records {
            merged.add(record);
        }
        merged.all.events.push(Event::RunFinished(merged.total));
        merged.all
    }
}

/// What the records so far come to.
#[derive(Debug, Default)]
struct Merged {
    all: Record,
    total: Summary,
    /// The number of the current record's first worker.
    first_worker: u32,
    /// The run of the current record whose end was not read yet.
    open: Option<OpenRun>,
}

/// A run that has begun and not ended.
#[derive(Debug, Default)]
struct OpenRun {
    selected: usize,
    /// What its tests came to so far.
    counted: Summary,
}

impl Merged {
    fn add(&mut self, record: Record) {
        if self.all.events.is_empty() {
            (self.all.facts, self.all.seed) = (record.facts, record.seed);
        } else {
            // What several parts are together is none of them.
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
                // A record may hold several runs, one behind the other.
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

    /// Ends a run whose record ends early. How its other tests ended is not known, so it is no success.
    fn close(&mut self) {
        let Some(OpenRun { selected, mut counted }) = self.open.take() else { return };
        let told = counted.passed + counted.failed + counted.ignored;
        counted.problems.push(format!("a record ends early: it tells of {told} of {selected} tests"));
        add(&mut self.total, counted);
    }
}

/// They ran beside each other: counts add up, times do not.
fn add(total: &mut Summary, other: Summary) {
    // What flaky tests mean is a setting of each run: it makes the whole red where it made one of the runs red.
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
    total.used.sort();
    total.used.dedup();
    total.interrupted_by = total.interrupted_by.take().or(other.interrupted_by);
    total.rounds = total.rounds.max(other.rounds);
    total.elapsed = Duration::max(total.elapsed, other.elapsed);
    total.slowest.extend(other.slowest);
    total.slowest.sort_by_key(|timing| std::cmp::Reverse(timing.elapsed));
    total.slowest.truncate(5);
}

/// Adds to a count; a record may say any number.
fn increase(count: &mut usize, more: usize) {
    *count = count.saturating_add(more);
}
