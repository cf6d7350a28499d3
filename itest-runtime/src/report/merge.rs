//! Several records become one: those of shards, or of several suites' worth of runs.

use std::time::Duration;

use super::record::{Extent, Record};
use crate::model::{Event, Summary, WorkerId};

impl Record {
    /// One record of all that these have. Workers are numbered anew, so that each stays apart from the others.
    ///
    /// A record that ends early is brought to an end with what it has.
    #[must_use]
    pub(crate) fn merge(records: Vec<Self>) -> Self {
        let mut all = Self::default();
        let mut total = Summary::default();
        let mut first = 0;
        for (position, record) in records.into_iter().enumerate() {
            if position == 0 {
                (all.facts, all.seed) = (record.facts.clone(), record.seed);
            } else {
                // What several parts are together is none of them.
                all.facts.shard = None;
                if let Some(Event::RunStarted { facts, .. }) = all.events.first_mut() {
                    facts.shard = None;
                }
            }
            if record.extent == Extent::CutOff {
                all.extent = Extent::CutOff;
            }
            let mut summary = Summary::default();
            let mut selected = 0;
            let mut next = first;
            for mut event in record.events {
                match &mut event {
                    Event::RunStarted { selected: own, jobs, .. } => {
                        selected = *own;
                        if let Some(Event::RunStarted { selected: sum, jobs: most, .. }) = all.events.first_mut() {
                            *sum += *own;
                            *most += *jobs;
                            continue;
                        }
                    }
                    Event::CaseFinished(case) | Event::CaseRetried(case) => {
                        case.worker = WorkerId(first + case.worker.0);
                        next = next.max(case.worker.0 + 1);
                    }
                    Event::RunFinished(finished) => {
                        summary = std::mem::take(finished);
                        continue;
                    }
                    _ => {}
                }
                if record.extent == Extent::CutOff
                    && let Event::CaseFinished(case) = &event
                {
                    summary.count(case);
                    summary.elapsed = summary.elapsed.max(case.started + case.elapsed);
                }
                all.events.push(event);
            }
            if record.extent == Extent::CutOff {
                // Nobody knows how the rest ended: that is not success.
                let told = summary.passed + summary.failed + summary.ignored;
                summary.problems.push(format!("a record ends early: it tells of {told} of {selected} tests"));
            }
            first = next;
            add(&mut total, summary);
        }
        all.events.push(Event::RunFinished(total));
        all
    }
}

/// They ran beside each other: counts add up, times do not.
fn add(total: &mut Summary, other: Summary) {
    total.passed += other.passed;
    total.flaky += other.flaky;
    total.failed += other.failed;
    total.ignored += other.ignored;
    total.quarantined += other.quarantined;
    total.filtered_out += other.filtered_out;
    total.not_run += other.not_run;
    total.given_back += other.given_back;
    total.problems.extend(other.problems);
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
