//! The comparison of an explorer's findings with the key, and its table.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use super::finding::{Exploration, FaultsFinished, Finding};
use super::key::{Expected, FaultVerdict, FaultsKey};
use crate::Problem;
use crate::table::{Share, list};

/// The share of the weaknesses that must be found, in percent.
const BOUND: u64 = 100;

/// The score of one or more explorations.
#[derive(Debug, Default)]
pub struct FaultsScore {
    /// The weaknesses that were found, by verdict.
    found: BTreeMap<FaultVerdict, Share>,
    explorations: u64,
    incomplete: u64,
    /// Findings that the key does not expect, with their count.
    wrong: BTreeMap<String, u64>,
    /// Weaknesses that were not found, with the count.
    missed: BTreeMap<String, u64>,
    cost: FaultsFinished,
}

impl FaultsScore {
    /// Compares one exploration with the key.
    ///
    /// # Errors
    ///
    /// When the exploration was cut off.
    pub fn add(&mut self, key: &FaultsKey, exploration: &Exploration) -> Result<(), Problem> {
        let finished = exploration
            .finished
            .ok_or_else(|| Problem::new("the explorer ended without `faults_finished`: see its output above"))?;
        self.explorations += 1;
        self.incomplete += u64::from(!finished.complete);
        self.cost.tests += finished.tests;
        self.cost.cells += finished.cells;
        self.cost.executions += finished.executions;
        self.cost.elapsed_us += finished.elapsed_us;
        for (id, weakness) in &key.tests {
            let findings: Vec<_> = exploration.findings.iter().filter(|finding| finding.id == *id).collect();
            for expected in &weakness.findings {
                self.compare(id, expected, &findings);
            }
        }
        for finding in exploration.findings.iter().filter(|finding| !key.expects(finding)) {
            *self.wrong.entry(in_words(finding)).or_default() += 1;
        }
        Ok(())
    }

    fn compare(&mut self, id: &str, expected: &Expected, findings: &[&Finding]) {
        let is_found = findings.iter().any(|finding| expected.is_shown_by(finding));
        self.found.entry(expected.verdict).or_default().add(is_found);
        if !is_found {
            let line = format!("{id} {} at {} ({})", expected.verdict, expected.at, expected.faults.join(", "));
            *self.missed.entry(line).or_default() += 1;
        }
    }

    /// Whether every bound is met.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.explorations > 0 && self.wrong.is_empty() && self.found.values().all(|share| share.reaches(BOUND))
    }

    /// Prints the score as a table.
    ///
    /// # Errors
    ///
    /// When writing to `out` fails.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:30}{:>9}   bound", "", "found")?;
        for verdict in FaultVerdict::ALL {
            let share = self.found.get(&verdict).copied().unwrap_or_default();
            let end = if share.reaches(BOUND) { "" } else { ": MISSED" };
            writeln!(out, "{verdict:30}{:>9}   {BOUND} % found{end}", share.in_words())?;
        }
        list(out, "wrong findings (bound: none)", &self.wrong)?;
        list(out, "weaknesses missed", &self.missed)?;
        let runs = self.explorations.max(1);
        writeln!(out, "\n{} explorations, {} incomplete", self.explorations, self.incomplete)?;
        writeln!(
            out,
            "each: {} tests, {} faults, {} executions, {:.1?}",
            self.cost.tests / runs,
            self.cost.cells / runs,
            self.cost.executions / runs,
            Duration::from_micros(self.cost.elapsed_us / runs)
        )?;
        writeln!(out, "{}", if self.is_good() { "every bound is met" } else { "NOT every bound is met" })
    }
}

fn in_words(finding: &Finding) -> String {
    format!("{} {} at {} ({})", finding.id, finding.verdict, finding.call, finding.faults.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An exploration whose findings agree with the key.
    fn perfect(key: &FaultsKey) -> Exploration {
        let findings = key.tests.iter().flat_map(|(id, weakness)| {
            weakness.findings.iter().map(|expected| Finding {
                id: id.clone(),
                verdict: expected.verdict.word().to_owned(),
                call: format!("{} #1", expected.at.trim_end_matches(" #1")),
                faults: vec![expected.faults[0].clone()],
            })
        });
        let finished = FaultsFinished { complete: true, tests: 9, cells: 50, executions: 60, elapsed_us: 7 };
        Exploration { findings: findings.collect(), finished: Some(finished) }
    }

    fn score_of(key: &FaultsKey, change: impl FnOnce(&mut Vec<Finding>)) -> FaultsScore {
        let mut exploration = perfect(key);
        change(&mut exploration.findings);
        let mut score = FaultsScore::default();
        score.add(key, &exploration).unwrap();
        score
    }

    fn table_of(score: &FaultsScore) -> String {
        let mut table = Vec::new();
        score.print(&mut table).unwrap();
        String::from_utf8(table).unwrap()
    }

    #[test]
    fn perfect_exploration_passes_and_empty_exploration_fails() {
        let key = FaultsKey::read().unwrap();
        let perfect = score_of(&key, |_| ());
        assert!(perfect.is_good());
        let table = table_of(&perfect);
        assert!(table.contains("each: 9 tests, 50 faults, 60 executions"), "{table}");
        assert!(table.ends_with("every bound is met\n") && !table.contains("MISSED"), "{table}");
        assert!(!score_of(&key, Vec::clear).is_good());
        assert!(!FaultsScore::default().is_good());
        assert!(FaultsScore::default().add(&key, &Exploration::default()).is_err(), "the exploration is incomplete");
    }

    #[test]
    fn one_missed_weakness_fails_and_is_listed() {
        let key = FaultsKey::read().unwrap();
        let score =
            score_of(&key, |findings| findings.retain(|finding| finding.id != "weak::security::user_has_quota"));
        assert!(!score.is_good());
        let table = table_of(&score);
        let line = "1 x weak::security::user_has_quota false_success at access GET /quotas/ada (rate-limited-1s)";
        assert!(table.contains(line) && table.contains(": MISSED"), "{table}");
    }

    #[test]
    fn finding_on_a_sound_test_or_with_another_verdict_or_call_fails() {
        let key = FaultsKey::read().unwrap();
        let changes: [fn(&mut Finding); 3] = [
            |finding| finding.id = "sound::answers::status_of_a_mail_is_checked".to_owned(),
            |finding| finding.verdict = "panics".to_owned(),
            |finding| finding.call = "another GET /call #1".to_owned(),
        ];
        for change in changes {
            let score = score_of(&key, |findings| {
                let position = findings.iter().position(|finding| finding.verdict == "hangs").unwrap();
                let mut wrong = findings[position].clone();
                change(&mut wrong);
                findings.push(wrong);
            });
            assert!(!score.is_good());
            assert_eq!(score.wrong.values().sum::<u64>(), 1);
        }
    }
}
