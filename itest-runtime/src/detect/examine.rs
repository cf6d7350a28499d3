//! Experiments with one suspect, a test that failed in the survey: they find the kind of the problem and the tests that
//! cause it.

use super::bisect::required_tests;
use super::detector::Detector;
use super::experiment::{TallyPair, after, alone, any_run_ends, beside, compare, run_times};
use super::log::{Condition, is_beside_others, is_busy};
use super::probe::Stopped;
use super::statistics::{Confidence, Run, Tally, probability_that_greater, runs_needed};
use crate::model::{CaseIndex, Lie, Rate, Verdict, sort_by_key};

/// The number of runs of a suspect alone, before all other experiments.
const RUNS_ALONE: u32 = 4;

/// The least number of runs of a condition.
const MIN_RUNS: u32 = 2;

/// A test that fails this many times in a row after other tests is a victim of them.
const RUNS_TO_CONFIRM: u32 = 6;

/// The least number of concurrent runs of two tests. It is larger than [`MIN_RUNS`], because the critical moments of
/// two tests do not coincide in each run.
const MIN_RUNS_BESIDE: u32 = 10;

/// The number of failing conditions that are examined.
const MAX_CONDITIONS: usize = 3;

/// The number of alternative sets of culprits that are reported.
const MAX_CULPRIT_SETS: usize = 3;

impl Detector<'_> {
    /// Classifies a suspect, and finds the tests that cause its failures.
    pub(super) fn examine(&mut self, case: CaseIndex) -> Result<Verdict, Stopped> {
        let mut known = run_times(&mut self.runner, &alone(case), RUNS_ALONE)?;
        let verdict = match (known.failures(), known.passes()) {
            (0, _) => self.explain_failure(case, &mut known)?,
            (_, 0) => self.explain_pass(case, &mut known)?,
            _ => None,
        };
        Ok(verdict.unwrap_or_else(|| self.unexplained(case)))
    }

    /// Explains the failure of a test that passes alone.
    fn explain_failure(&mut self, case: CaseIndex, known: &mut Tally) -> Result<Option<Verdict>, Stopped> {
        let twice = after(&[case], case);
        // A test that fails in half of its runs may look guilty by chance, so the comparison is repeated from the
        // beginning.
        if self.against_alone(&twice, known, MIN_RUNS)?.is_greater() {
            let compared = self.against_alone(&twice, known, MIN_RUNS)?;
            if compared.is_greater() {
                let verdict = self.verdict(Lie::NotIdempotent, case, compared);
                return Ok(Some(self.with_lanes(verdict, &[vec![case, case]])));
            }
        }
        let conditions = self.runner.log.conditions(case, Run::Failed);
        let (orders, concurrent_runs): (Vec<_>, Vec<_>) =
            conditions.into_iter().partition(|condition| condition.probe.lanes.len() == 1);
        for condition in
            orders.iter().chain(&concurrent_runs).filter(|condition| condition.spot.position > 0).take(MAX_CONDITIONS)
        {
            let earlier = condition.probe.before(condition.spot);
            if let Some(verdict) = self.check_earlier_tests(case, &earlier, known)? {
                return Ok(Some(verdict));
            }
        }
        for condition in concurrent_runs.iter().take(MAX_CONDITIONS) {
            // A test that ran at the same time as the failed one may have started a little before it. These tests are first
            // tried as earlier tests.
            let concurrent = condition.probe.beside(condition.spot);
            let verdict = match self.check_earlier_tests(case, &concurrent, known)? {
                None => self.find_concurrent_culprits(case, concurrent, known)?,
                verdict => verdict,
            };
            if verdict.is_some() {
                return Ok(verdict);
            }
        }
        Ok(None)
    }

    /// Compares a condition with running alone. The runs alone are added to `known`.
    fn against_alone(&mut self, condition: &Condition, known: &mut Tally, min_runs: u32) -> Result<TallyPair, Stopped> {
        let Some(case) = condition.suspect() else { return Ok(TallyPair::default()) };
        let start = TallyPair { with: Tally::default(), without: *known };
        let compared = compare(&mut self.runner, condition, &alone(case), start, min_runs)?;
        *known = compared.without;
        Ok(compared)
    }

    /// Tests whether the suspect fails because of earlier tests, and because of which.
    fn check_earlier_tests(
        &mut self,
        case: CaseIndex,
        earlier: &[CaseIndex],
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        // Long lanes take long. If the suspect failed in each first run, its polluters are searched at once, and the
        // statistical proof is made with the polluters alone.
        let condition = after(earlier, case);
        let first_runs = run_times(&mut self.runner, &condition, MIN_RUNS)?;
        let start = TallyPair { with: first_runs, without: *known };
        let has_always_failed = first_runs.passes() == 0;
        if first_runs.failures() == 0 || !has_always_failed && !self.is_proven(&condition, start)? {
            return Ok(None);
        }
        if let Some(verdict) = self.find_polluters(case, earlier, repeats(first_runs), known)? {
            return Ok(Some(verdict));
        }
        // A flaky test may fail a few times in a row by chance. A test that always fails after these tests is a victim,
        // even if its polluters were not identified.
        let compared = TallyPair { with: run_times(&mut self.runner, &condition, RUNS_TO_CONFIRM)?, without: *known };
        if !has_always_failed || compared.with.passes() > 0 || !compared.is_greater() {
            return Ok(None);
        }
        let verdict = self.verdict(Lie::Victim, case, compared);
        Ok(Some(self.with_lanes(verdict, &[[earlier, &[case]].concat()])))
    }

    fn is_proven(&mut self, condition: &Condition, start: TallyPair) -> Result<bool, Stopped> {
        let Some(case) = condition.suspect() else { return Ok(false) };
        compare(&mut self.runner, condition, &alone(case), start, MIN_RUNS).map(TallyPair::is_greater)
    }

    /// Finds the polluters among earlier tests. The suspect fails after them, and not alone.
    fn find_polluters(
        &mut self,
        case: CaseIndex,
        earlier: &[CaseIndex],
        repeats: u32,
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        let mut culprit_sets: Vec<Vec<CaseIndex>> = Vec::new();
        let mut proof = TallyPair::default();
        let mut candidates = earlier.to_vec();
        while culprit_sets.len() < MAX_CULPRIT_SETS {
            let polluters = required_tests(&candidates, |tried| {
                any_run_ends(&mut self.runner, &after(tried, case), Run::Failed, repeats)
            })?;
            let confirmed = self.against_alone(&after(&polluters, case), known, MIN_RUNS.max(repeats))?;
            if !confirmed.is_greater() {
                break;
            }
            if culprit_sets.is_empty() {
                proof = confirmed;
            }
            culprit_sets.push(polluters);
            // Other tests may pollute as well: all remaining tests are tried together.
            let others = self.subjects.iter().map(|subject| subject.index);
            candidates = others
                .filter(|other| *other != case && !culprit_sets.iter().flatten().any(|known| known == other))
                .collect();
            if !any_run_ends(&mut self.runner, &after(&candidates, case), Run::Failed, repeats)? {
                break;
            }
        }
        let Some(first) = culprit_sets.first().cloned() else { return Ok(None) };
        let verdict = self.verdict(Lie::Victim, case, proof);
        let cleaners = self.cleaners(case, &first, repeats)?;
        let verdict = self.with_lanes(verdict, &[[first.as_slice(), &[case]].concat()]);
        let culprits = culprit_sets.iter().map(|set| self.names(set)).collect();
        Ok(Some(Verdict { culprits, cleaners: self.names(&cleaners), ..verdict }))
    }

    /// Finds cleaners: tests that undo the changes of the polluters, so that the victim passes after them.
    fn cleaners(&mut self, case: CaseIndex, polluters: &[CaseIndex], repeats: u32) -> Result<Vec<CaseIndex>, Stopped> {
        let mut cleans = |tried: &[CaseIndex]| {
            let earlier = [polluters, tried].concat();
            any_run_ends(&mut self.runner, &after(&earlier, case), Run::Failed, repeats).map(|failed| !failed)
        };
        let others = self.subjects.iter().map(|subject| subject.index);
        let mut between: Vec<_> = others.filter(|other| *other != case && !polluters.contains(other)).collect();
        let mut cleaners = Vec::new();
        while cleaners.len() < MAX_CULPRIT_SETS && cleans(&between)? {
            let required = required_tests(&between, &mut cleans)?;
            // If several tests are required together, the victim passed by coincidence.
            let [cleaner] = required.as_slice() else { break };
            cleaners.push(*cleaner);
            between.retain(|other| other != cleaner);
        }
        Ok(cleaners)
    }

    /// Finds concurrent culprits. The suspect failed at the same time as them, and not alone.
    fn find_concurrent_culprits(
        &mut self,
        case: CaseIndex,
        mut concurrent: Vec<CaseIndex>,
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        let counts = self.runner.log.concurrent_when_failing(case);
        sort_by_key(&mut concurrent, |other| std::cmp::Reverse(counts.get(other).copied().unwrap_or(0)));
        let all_together = (concurrent.len() > 1).then(|| concurrent.clone());
        for others in concurrent.into_iter().map(|other| vec![other]).chain(all_together) {
            for condition in beside(case, &others) {
                // With many candidates, one of them looks guilty by chance, so a positive comparison is repeated from
                // the beginning.
                let suspected = self.against_alone(&condition, known, MIN_RUNS_BESIDE)?.is_greater();
                let compared =
                    if suspected { self.against_alone(&condition, known, MIN_RUNS_BESIDE)? } else { continue };
                if compared.is_greater() {
                    let verdict = self.verdict(Lie::Contention, case, compared);
                    let verdict = self.with_lanes(verdict, &condition.probe.lanes);
                    return Ok(Some(Verdict { culprits: vec![self.names(&others)], ..verdict }));
                }
            }
        }
        Ok(None)
    }

    /// Explains why a test that fails alone passed in other runs, if it did.
    fn explain_pass(&mut self, case: CaseIndex, known: &mut Tally) -> Result<Option<Verdict>, Stopped> {
        let conditions = self.runner.log.conditions(case, Run::Passed);
        let orders =
            conditions.iter().filter(|condition| condition.spot.position > 0 && condition.probe.lanes.len() == 1);
        for condition in orders.take(MAX_CONDITIONS) {
            let earlier = condition.probe.before(condition.spot);
            // Here failing is the behaviour without the condition, so only runs that pass are of interest.
            let runs_after = run_times(&mut self.runner, &after(&earlier, case), MIN_RUNS)?;
            if runs_after.passes() == 0 {
                continue;
            }
            if let Some(verdict) = self.find_state_setters(case, &earlier, known)? {
                return Ok(Some(verdict));
            }
        }
        if let Some(verdict) = self.shared_cause(case) {
            return Ok(Some(verdict));
        }
        if conditions.is_empty() {
            let verdict = self.verdict(Lie::Broken, case, TallyPair { with: *known, without: *known });
            return Ok(Some(self.with_lanes(verdict, &[vec![case]])));
        }
        Ok(None)
    }

    /// Finds the state-setters among earlier tests. The suspect passes after them, and fails alone.
    fn find_state_setters(
        &mut self,
        case: CaseIndex,
        earlier: &[CaseIndex],
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        let setters = required_tests(earlier, |tried| {
            any_run_ends(&mut self.runner, &after(tried, case), Run::Failed, 1).map(|failed| !failed)
        })?;
        let start = TallyPair { with: *known, without: run_times(&mut self.runner, &after(&setters, case), MIN_RUNS)? };
        let compared = compare(&mut self.runner, &alone(case), &after(&setters, case), start, MIN_RUNS)?;
        *known = compared.with;
        if !compared.is_greater() {
            return Ok(None);
        }
        let verdict = self.verdict(Lie::Brittle, case, compared);
        let verdict = self.with_lanes(verdict, &[vec![case]]);
        // For a brittle test the condition is that the state-setters ran first, so the rates are swapped.
        let culprits = vec![self.names(&setters)];
        Ok(Some(Verdict { with: verdict.without, without: verdict.with, culprits, ..verdict }))
    }

    /// A verdict if the setup of the suspect always fails, with the same cause as the setup of other tests.
    fn shared_cause(&self, case: CaseIndex) -> Option<Verdict> {
        let missing = self.runner.log.failed_setup(case)?;
        let others = self.runner.log.suspects().filter(|other| *other != case);
        let same: Vec<_> =
            others.filter(|other| self.runner.log.failed_setup(*other).as_ref() == Some(&missing)).collect();
        if same.is_empty() {
            return None;
        }
        let all = self.runner.log.tally(case);
        let verdict = self.verdict(Lie::Environment, case, TallyPair { with: all, without: all });
        Some(Verdict { culprits: vec![self.names(&same)], ..self.with_lanes(verdict, &[vec![case]]) })
    }

    /// The verdict for a suspect whose failures no experiment explains.
    fn unexplained(&self, case: CaseIndex) -> Verdict {
        if let Some(verdict) = self.shared_cause(case) {
            return verdict;
        }
        let all = self.runner.log.tally(case);
        let verdict = self.verdict(Lie::Flaky, case, TallyPair { with: all, without: all });
        Verdict { correlates: self.correlates(case), ..self.with_lanes(verdict, &[vec![case]]) }
    }

    /// The verdict for a suspect that was not examined, because the detection was stopped.
    pub(super) fn unexamined(&self, case: CaseIndex) -> Verdict {
        let all = self.runner.log.tally(case);
        let verdict = self.verdict(Lie::Unexamined, case, TallyPair { with: all, without: all });
        // The test may never fail alone. If the tests that ran before the failure are few, the command to reproduce it
        // includes them.
        let seen = self.runner.log.conditions(case, Run::Failed).into_iter().next();
        let lanes = match seen {
            Some(Condition { mut probe, spot }) if spot.position < MAX_SHOWN_TESTS && probe.lanes.len() == 1 => {
                probe.lanes[spot.lane].truncate(spot.position + 1);
                probe.lanes
            }
            _ => vec![vec![case]],
        };
        self.with_lanes(verdict, &lanes)
    }

    /// Updates the failure rates of flaky tests, so that they include the runs after the verdict.
    pub(super) fn refresh_rates(&mut self) {
        let cases: Vec<_> = self.verdicts.keys().copied().collect();
        for case in cases {
            let (all, correlates) = (self.runner.log.tally(case), self.correlates(case));
            let Some(verdict) = self.verdicts.get_mut(&case) else { continue };
            if matches!(verdict.lie, Lie::Flaky | Lie::Environment) {
                (verdict.with, verdict.without) = (rate(all), rate(all));
                verdict.in_words = all.in_words(Confidence::P95);
                verdict.repeats = runs_to_see(all);
            }
            if verdict.lie == Lie::Flaky {
                verdict.correlates = correlates;
            }
        }
    }

    /// Circumstances that correlate with the failures of a flaky test.
    fn correlates(&self, case: CaseIndex) -> Vec<String> {
        let log = &self.runner.log;
        let circumstances = [
            (log.split(case, is_busy), "with busy processors"),
            (log.split(case, is_beside_others), "beside other tests"),
        ];
        let mut words = Vec::new();
        for ((with, without), name) in circumstances {
            if with.failures() > 0 && probability_that_greater(with, without) >= Confidence::P99.probability() {
                let of = |tally: Tally| format!("{} of {}", tally.failures(), tally.runs());
                words.push(format!("more often {name}: {} runs against {}", of(with), of(without)));
            }
        }
        if let Some((failed, passed)) = log.durations(case).filter(|(failed, passed)| *failed > *passed * 3) {
            words.push(format!("when it is slow: {failed:.1?} against {passed:.1?} (medians)"));
        }
        if let Some(phase) = log.first_failure(case).and_then(|observation| observation.phase) {
            words.push(format!("in {phase}"));
        }
        words
    }

    fn verdict(&self, lie: Lie, case: CaseIndex, compared: TallyPair) -> Verdict {
        let confidence = match lie {
            Lie::Victim | Lie::Brittle | Lie::NotIdempotent | Lie::Contention => {
                probability_that_greater(compared.with, compared.without)
            }
            // A failure was observed, so it is certain that the test can fail.
            Lie::Flaky | Lie::Broken | Lie::Environment | Lie::Unexamined => 1.0,
        };
        Verdict {
            id: self.name(case),
            lie,
            culprits: Vec::new(),
            cleaners: Vec::new(),
            with: rate(compared.with),
            without: rate(compared.without),
            in_words: compared.with.in_words(Confidence::P95),
            confidence,
            lanes: Vec::new(),
            repeats: runs_to_see(compared.with),
            message: self
                .runner
                .log
                .first_failure(case)
                .map(|observation| observation.message.clone())
                .unwrap_or_default(),
            correlates: Vec::new(),
        }
    }

    fn with_lanes(&self, verdict: Verdict, lanes: &[Vec<CaseIndex>]) -> Verdict {
        Verdict { lanes: lanes.iter().map(|lane| self.names(lane)).collect(), ..verdict }
    }
}

/// The most tests, the failed one included, in the command that reproduces an unexamined failure. With more tests the command
/// would be unreadable, so it names the failed test alone.
const MAX_SHOWN_TESTS: usize = 50;

/// How often a condition must run and pass until it is ruled out as the cause of the failure.
fn repeats(with: Tally) -> u32 {
    if with.passes() == 0 { 1 } else { with.repeats_to_trust_a_pass(Confidence::P99).clamp(2, 12) }
}

/// How often a test must run until a failure is expected with 95 % confidence.
fn runs_to_see(tally: Tally) -> u32 {
    match tally.rate() {
        Some(rate) if tally.passes() > 0 && rate > 0.0 => runs_needed(rate, Confidence::P95),
        _ => 1,
    }
}

fn rate(tally: Tally) -> Rate {
    let interval = tally.clopper_pearson(Confidence::P95);
    Rate { runs: tally.runs(), failures: tally.failures(), low: interval.low(), high: interval.high() }
}
