//! The comparison of a detector's verdicts with the key, and its table.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::Problem;
use crate::key::{Key, Kind, Truth};
use crate::table::{Share, list};
use crate::verdict::{Detection, Verdict};

/// A group of similar lying tests, with the share that must be detected.
struct Group {
    label: &'static str,
    /// The measure that counts, and its lower limit in percent.
    bound: Option<(Measure, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// The test is named, and its kind is right.
    Detected,
    /// The culprits are right, too.
    Located,
}

const GROUPS: [Group; 11] = [
    Group { label: "victim of one", bound: Some((Measure::Located, 100)) },
    Group { label: "victim of one, with cleaners", bound: Some((Measure::Located, 100)) },
    Group { label: "victim of either of two", bound: None },
    Group { label: "victim of two together", bound: Some((Measure::Located, 95)) },
    Group { label: "brittle, one setter", bound: Some((Measure::Located, 100)) },
    Group { label: "brittle, two setters", bound: None },
    Group { label: "not idempotent", bound: None },
    Group { label: "contention", bound: Some((Measure::Located, 95)) },
    Group { label: "flaky, 5 % and more", bound: Some((Measure::Detected, 95)) },
    Group { label: "flaky, below 5 %", bound: None },
    Group { label: "broken, environment", bound: None },
];

fn group_of(truth: &Truth) -> usize {
    let together = truth.culprits.iter().map(Vec::len).max().unwrap_or_default();
    match truth.kind {
        Kind::Victim if together > 1 => 3,
        Kind::Victim if truth.culprits.len() > 1 => 2,
        Kind::Victim if !truth.cleaners.is_empty() => 1,
        Kind::Victim => 0,
        Kind::Brittle if together > 1 => 5,
        Kind::Brittle => 4,
        Kind::NotIdempotent => 6,
        Kind::Contention => 7,
        Kind::Flaky if truth.rate >= 0.05 => 8,
        Kind::Flaky => 9,
        Kind::Broken | Kind::Environment => 10,
    }
}

/// The results of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    found: Share,
    located: Share,
    /// Cleaners that were named, of all cleaners in the key.
    cleaners: Share,
    /// Intervals that contain the true rate.
    rates: Share,
}

/// The score of one or more detections.
#[derive(Debug, Default)]
pub struct Score {
    rows: [Row; GROUPS.len()],
    detections: u64,
    incomplete: u64,
    /// Honest tests that got a verdict, with the verdict and its count.
    accused: BTreeMap<String, u64>,
    /// Lying tests that were not detected or not located, with their verdicts and the count.
    missed: BTreeMap<String, u64>,
    executions: u64,
    probes: u64,
    elapsed: Duration,
}

impl Score {
    /// Compares one detection with the key.
    ///
    /// # Errors
    ///
    /// When the detection was cut off.
    pub fn add(&mut self, key: &Key, detection: &Detection) -> Result<(), Problem> {
        let finished = detection
            .finished
            .ok_or_else(|| Problem::new("the detector ended without `detection_finished`: see its output above"))?;
        self.detections += 1;
        self.incomplete += u64::from(!finished.complete);
        self.executions += finished.executions;
        self.probes += finished.probes;
        self.elapsed += Duration::from_micros(finished.elapsed_us);
        for (id, truth) in &key.tests {
            let verdicts: Vec<_> = detection.verdicts.iter().filter(|verdict| verdict.id == *id).collect();
            self.compare(id, truth, &verdicts);
        }
        for verdict in detection.verdicts.iter().filter(|verdict| !key.tests.contains_key(&verdict.id)) {
            *self.accused.entry(format!("{}: {}", verdict.id, in_words(verdict))).or_default() += 1;
        }
        Ok(())
    }

    fn compare(&mut self, id: &str, truth: &Truth, verdicts: &[&Verdict]) {
        let right = verdicts.iter().find(|verdict| verdict.kind == truth.kind.word());
        let is_located = right.is_some_and(|verdict| truth.is_due_to(&verdict.culprits));
        let row = &mut self.rows[group_of(truth)];
        row.found.add(right.is_some());
        if !truth.culprits.is_empty() {
            row.located.add(is_located);
        }
        for cleaner in &truth.cleaners {
            row.cleaners.add(right.is_some_and(|verdict| verdict.cleaners.contains(cleaner)));
        }
        if let Some(rate) = right.and_then(|verdict| verdict.rate)
            && truth.rate < 1.0
        {
            row.rates.add((rate.low..=rate.high).contains(&truth.rate));
        }
        if right.is_none() || (!is_located && !truth.culprits.is_empty()) {
            let verdicts: Vec<_> = verdicts.iter().map(|verdict| in_words(verdict)).collect();
            let verdicts = if verdicts.is_empty() { "no verdict".to_owned() } else { verdicts.join("; ") };
            *self.missed.entry(format!("{id} ({}): {verdicts}", truth.kind)).or_default() += 1;
        }
    }

    /// Whether every bound is met.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.detections > 0
            && self.accused.is_empty()
            && GROUPS.iter().zip(&self.rows).all(|(group, row)| row.meets(group))
    }

    /// Prints the score as a table.
    ///
    /// # Errors
    ///
    /// When writing to `out` fails.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:30}{:>9}{:>9}{:>10}{:>18}   bound", "", "found", "located", "cleaners", "rate in interval")?;
        for (group, row) in GROUPS.iter().zip(&self.rows) {
            let [found, located, cleaners, rates] =
                [row.found, row.located, row.cleaners, row.rates].map(Share::in_words);
            let bound = group.bound.map_or_else(String::new, |(measure, percent)| {
                let what = if measure == Measure::Detected { "found" } else { "located" };
                let end = if row.meets(group) { "" } else { ": MISSED" };
                format!("{percent} % {what}{end}")
            });
            let line = format!("{:30}{found:>9}{located:>9}{cleaners:>10}{rates:>18}   {bound}", group.label);
            writeln!(out, "{}", line.trim_end())?;
        }
        list(out, "honest tests accused (bound: none)", &self.accused)?;
        list(out, "lying tests missed, or their culprits", &self.missed)?;
        let runs = u32::try_from(self.detections.max(1)).unwrap_or(u32::MAX);
        writeln!(out, "\n{} detections, {} incomplete", self.detections, self.incomplete)?;
        writeln!(
            out,
            "each: {} executions, {} probes, {:.1?}",
            self.executions / u64::from(runs),
            self.probes / u64::from(runs),
            self.elapsed / runs
        )?;
        writeln!(out, "{}", if self.is_good() { "every bound is met" } else { "NOT every bound is met" })
    }
}

impl Row {
    fn meets(&self, group: &Group) -> bool {
        match group.bound {
            Some((Measure::Detected, percent)) => self.found.reaches(percent),
            Some((Measure::Located, percent)) => self.located.reaches(percent),
            None => true,
        }
    }
}

fn in_words(verdict: &Verdict) -> String {
    let sets: Vec<_> = verdict.culprits.iter().map(|set| set.join(", then ")).collect();
    if sets.is_empty() {
        verdict.kind.clone()
    } else {
        format!("{} because of {}", verdict.kind, sets.join(", or of "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Finished, Rate};

    /// A detection whose verdicts agree with the key.
    fn perfect(key: &Key) -> Detection {
        let verdicts = key.tests.iter().map(|(id, truth)| Verdict {
            id: id.clone(),
            kind: truth.kind.word().to_owned(),
            culprits: truth.culprits.iter().take(1).cloned().collect(),
            cleaners: truth.cleaners.clone(),
            rate: Some(Rate { low: truth.rate / 2.0, high: truth.rate }),
        });
        let finished = Finished { complete: true, executions: 10, probes: 2, elapsed_us: 7 };
        Detection { verdicts: verdicts.collect(), finished: Some(finished) }
    }

    fn is_good(key: &Key, change: impl FnOnce(&mut Vec<Verdict>)) -> bool {
        let mut detection = perfect(key);
        change(&mut detection.verdicts);
        let mut score = Score::default();
        score.add(key, &detection).unwrap();
        score.is_good()
    }

    fn position(key: &Key, verdicts: &[Verdict], is_meant: impl Fn(&Truth) -> bool) -> usize {
        verdicts.iter().position(|verdict| key.tests.get(&verdict.id).is_some_and(&is_meant)).unwrap()
    }

    #[test]
    fn perfect_detection_passes_and_empty_detection_fails() {
        let key = Key::read().unwrap();
        assert!(is_good(&key, |_| ()));
        assert!(!is_good(&key, Vec::clear));
        assert!(!Score::default().is_good());
        assert!(Score::default().add(&key, &Detection::default()).is_err(), "the detection is incomplete");
    }

    #[test]
    fn one_wrong_culprit_or_accused_honest_test_fails() {
        let key = Key::read().unwrap();
        let single = |truth: &Truth| group_of(truth) == 0;
        assert!(!is_good(&key, |all| {
            let at = position(&key, all, single);
            all[at].culprits = vec![vec!["honest::alone::the_till_is_filled::coin_1".to_owned()]];
        }));
        assert!(!is_good(&key, |all| {
            let mut honest = all[0].clone();
            honest.id = "honest::alone::the_till_is_filled::coin_1".to_owned();
            all.push(honest);
        }));
        assert!(
            !is_good(&key, |all| {
                let at = position(&key, all, |truth| truth.kind == Kind::Contention);
                all.remove(at);
            }),
            "one of twelve is more than five percent"
        );
    }

    #[test]
    fn missed_rare_flaky_test_is_listed_and_allowed() {
        let key = Key::read().unwrap();
        let mut detection = perfect(&key);
        detection.verdicts.retain(|verdict| key.tests[&verdict.id].rate >= 0.05);
        let mut score = Score::default();
        score.add(&key, &detection).unwrap();
        let mut table = Vec::new();
        score.print(&mut table).unwrap();
        let table = String::from_utf8(table).unwrap();
        assert!(table.contains("1 x flaky::the_ids_are_unique (flaky): no verdict"), "{table}");
        assert!(table.contains("each: 10 executions, 2 probes") && table.ends_with("every bound is met\n"), "{table}");
    }
}
