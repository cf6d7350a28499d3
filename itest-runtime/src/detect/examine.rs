//! Experiments with one suspect: what kind of lie is it, and who is behind it?

use super::bisect::needed;
use super::detective::Detective;
use super::experiment::{Compared, after, alone, beside, compare, ever, times};
use super::log::{Context, is_beside_others, is_busy};
use super::probe::Stopped;
use super::statistics::{Confidence, Run, Tally, probability_that_greater, runs_needed};
use crate::model::{CaseIndex, Lie, Rate, Verdict};

/// So often a suspect runs alone before anything else.
const ALONE: u32 = 4;

/// So often a condition is looked at that should decide everything.
const GLANCE: u32 = 2;

/// What fails so many times in a row after others fails because of them.
const CERTAIN: u32 = 6;

/// So often two tests run beside each other: they may miss each other.
const GLANCE_BESIDE: u32 = 10;

/// So many failing runs are followed up.
const CONTEXTS: usize = 3;

/// So many sets of culprits are looked for.
const ALTERNATIVES: usize = 3;

impl Detective<'_> {
    /// Finds out what kind of lie a suspect tells.
    pub(super) fn examine(&mut self, case: CaseIndex) -> Result<Verdict, Stopped> {
        let mut known = times(&mut self.lab, &alone(case), ALONE)?;
        let verdict = match (known.failures(), known.passes()) {
            (0, _) => self.explain_failure(case, &mut known)?,
            (_, 0) => self.explain_pass(case, &mut known)?,
            _ => None,
        };
        Ok(verdict.unwrap_or_else(|| self.unexplained(case)))
    }

    /// It passes alone. Why did it fail?
    fn explain_failure(&mut self, case: CaseIndex, known: &mut Tally) -> Result<Option<Verdict>, Stopped> {
        let twice = after(&[case], case);
        // Whoever fails every second time may do so by chance: it is asked once more, from the beginning.
        if self.against_alone(&twice, known, GLANCE)?.is_greater() {
            let compared = self.against_alone(&twice, known, GLANCE)?;
            if compared.is_greater() {
                let verdict = self.verdict(Lie::NotIdempotent, case, compared);
                return Ok(Some(self.shown_by(verdict, &[vec![case, case]])));
            }
        }
        let contexts = self.lab.log.contexts(case, Run::Failed);
        let (orders, meetings): (Vec<_>, Vec<_>) =
            contexts.into_iter().partition(|context| context.probe.lanes.len() == 1);
        for context in orders.iter().chain(&meetings).filter(|context| context.spot.position > 0).take(CONTEXTS) {
            let earlier = context.probe.before(context.spot);
            if let Some(verdict) = self.blame_earlier(case, &earlier, known)? {
                return Ok(Some(verdict));
            }
        }
        for context in meetings.iter().take(CONTEXTS) {
            // Who ran beside it may have been a little earlier.
            let neighbours = context.probe.beside(context.spot);
            let verdict = match self.blame_earlier(case, &neighbours, known)? {
                None => self.name_neighbours(case, neighbours, known)?,
                found => found,
            };
            if verdict.is_some() {
                return Ok(verdict);
            }
        }
        Ok(None)
    }

    /// Does a suspect fail more often in a condition than alone? What is known of it alone grows meanwhile.
    fn against_alone(&mut self, condition: &Context, known: &mut Tally, glance: u32) -> Result<Compared, Stopped> {
        let Some(case) = condition.suspect() else { return Ok(Compared::default()) };
        let start = Compared { with: Tally::default(), without: *known };
        let compared = compare(&mut self.lab, condition, &alone(case), start, glance)?;
        *known = compared.without;
        Ok(compared)
    }

    /// It failed after these. Was it because of them, and of which?
    fn blame_earlier(
        &mut self,
        case: CaseIndex,
        earlier: &[CaseIndex],
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        // Long lanes take long: who fails each time is asked for its polluters at once, and the proof is made with these.
        let condition = after(earlier, case);
        let glance = times(&mut self.lab, &condition, GLANCE)?;
        let start = Compared { with: glance, without: *known };
        let is_certain = glance.passes() == 0;
        if glance.failures() == 0 || !is_certain && !self.is_proven(&condition, start)? {
            return Ok(None);
        }
        if let Some(verdict) = self.name_polluters(case, earlier, repeats(glance), known)? {
            return Ok(Some(verdict));
        }
        // What fails now and then may do so a few times in a row. What always fails after these is a victim, whoever it was.
        let compared = Compared { with: times(&mut self.lab, &condition, CERTAIN)?, without: *known };
        if !is_certain || compared.with.passes() > 0 || !compared.is_greater() {
            return Ok(None);
        }
        let verdict = self.verdict(Lie::Victim, case, compared);
        Ok(Some(self.shown_by(verdict, &[[earlier, &[case]].concat()])))
    }

    fn is_proven(&mut self, condition: &Context, start: Compared) -> Result<bool, Stopped> {
        let Some(case) = condition.suspect() else { return Ok(false) };
        compare(&mut self.lab, condition, &alone(case), start, GLANCE).map(Compared::is_greater)
    }

    /// It fails after these, and not alone. Which of them does it take?
    fn name_polluters(
        &mut self,
        case: CaseIndex,
        earlier: &[CaseIndex],
        repeats: u32,
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        let mut found: Vec<Vec<CaseIndex>> = Vec::new();
        let mut proof = Compared::default();
        let mut candidates = earlier.to_vec();
        while found.len() < ALTERNATIVES {
            let polluters =
                needed(&candidates, |tried| ever(&mut self.lab, &after(tried, case), Run::Failed, repeats))?;
            let confirmed = self.against_alone(&after(&polluters, case), known, GLANCE.max(repeats))?;
            if !confirmed.is_greater() {
                break;
            }
            if found.is_empty() {
                proof = confirmed;
            }
            found.push(polluters);
            // Is there anybody else? All others are asked at once.
            let others = self.subjects.iter().map(|subject| subject.index);
            candidates =
                others.filter(|other| *other != case && !found.iter().flatten().any(|known| known == other)).collect();
            if !ever(&mut self.lab, &after(&candidates, case), Run::Failed, repeats)? {
                break;
            }
        }
        let Some(first) = found.first().cloned() else { return Ok(None) };
        let verdict = self.verdict(Lie::Victim, case, proof);
        let cleaners = self.cleaners(case, &first, repeats)?;
        let verdict = self.shown_by(verdict, &[[first.as_slice(), &[case]].concat()]);
        let culprits = found.iter().map(|set| self.names(set)).collect();
        Ok(Some(Verdict { culprits, cleaners: self.names(&cleaners), ..verdict }))
    }

    /// Tests that put right what the polluters did: they are among those that ran between them and the victim when it passed.
    fn cleaners(&mut self, case: CaseIndex, polluters: &[CaseIndex], repeats: u32) -> Result<Vec<CaseIndex>, Stopped> {
        let mut cleans = |tried: &[CaseIndex]| {
            let earlier = [polluters, tried].concat();
            ever(&mut self.lab, &after(&earlier, case), Run::Failed, repeats).map(|failed| !failed)
        };
        let others = self.subjects.iter().map(|subject| subject.index);
        let mut between: Vec<_> = others.filter(|other| *other != case && !polluters.contains(other)).collect();
        let mut found = Vec::new();
        while found.len() < ALTERNATIVES && cleans(&between)? {
            let cleaners = needed(&between, &mut cleans)?;
            // More than one at a time is no cleaner but a coincidence.
            let [cleaner] = cleaners.as_slice() else { break };
            found.push(*cleaner);
            between.retain(|other| other != cleaner);
        }
        Ok(found)
    }

    /// It failed beside these, and not alone. Beside which of them does it fail?
    fn name_neighbours(
        &mut self,
        case: CaseIndex,
        mut neighbours: Vec<CaseIndex>,
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        let met = self.lab.log.neighbours(case);
        neighbours.sort_by_key(|other| std::cmp::Reverse(met.get(other).copied().unwrap_or(0)));
        let all_together = (neighbours.len() > 1).then(|| neighbours.clone());
        for others in neighbours.into_iter().map(|other| vec![other]).chain(all_together) {
            for condition in beside(case, &others) {
                // Many are asked, and by chance one of them looks guilty: whoever does is asked once more, from the beginning.
                let suspected = self.against_alone(&condition, known, GLANCE_BESIDE)?.is_greater();
                let compared = if suspected { self.against_alone(&condition, known, GLANCE_BESIDE)? } else { continue };
                if compared.is_greater() {
                    let verdict = self.verdict(Lie::Contention, case, compared);
                    let verdict = self.shown_by(verdict, &condition.probe.lanes);
                    return Ok(Some(Verdict { culprits: vec![self.names(&others)], ..verdict }));
                }
            }
        }
        Ok(None)
    }

    /// It fails alone. Why did it pass, if it ever did?
    fn explain_pass(&mut self, case: CaseIndex, known: &mut Tally) -> Result<Option<Verdict>, Stopped> {
        let contexts = self.lab.log.contexts(case, Run::Passed);
        let orders = contexts.iter().filter(|context| context.spot.position > 0 && context.probe.lanes.len() == 1);
        for context in orders.take(CONTEXTS) {
            let earlier = context.probe.before(context.spot);
            // The other way round: to fail is what it does without the condition.
            let behind = times(&mut self.lab, &after(&earlier, case), GLANCE)?;
            if behind.passes() == 0 {
                continue;
            }
            if let Some(verdict) = self.name_setters(case, &earlier, known)? {
                return Ok(Some(verdict));
            }
        }
        if let Some(verdict) = self.shared_cause(case) {
            return Ok(Some(verdict));
        }
        if contexts.is_empty() {
            let verdict = self.verdict(Lie::Broken, case, Compared { with: *known, without: *known });
            return Ok(Some(self.shown_by(verdict, &[vec![case]])));
        }
        Ok(None)
    }

    /// It passed after these, and not alone. Which of them does it take?
    fn name_setters(
        &mut self,
        case: CaseIndex,
        earlier: &[CaseIndex],
        known: &mut Tally,
    ) -> Result<Option<Verdict>, Stopped> {
        let setters =
            needed(earlier, |tried| ever(&mut self.lab, &after(tried, case), Run::Failed, 1).map(|failed| !failed))?;
        let start = Compared { with: *known, without: times(&mut self.lab, &after(&setters, case), GLANCE)? };
        let compared = compare(&mut self.lab, &alone(case), &after(&setters, case), start, GLANCE)?;
        *known = compared.with;
        if !compared.is_greater() {
            return Ok(None);
        }
        let verdict = self.verdict(Lie::Brittle, case, compared);
        let verdict = self.shown_by(verdict, &[vec![case]]);
        // For a brittle test the condition is that the others came first.
        let culprits = vec![self.names(&setters)];
        Ok(Some(Verdict { with: verdict.without, without: verdict.with, culprits, ..verdict }))
    }

    /// What it needs does not work, and for others it is the same.
    fn shared_cause(&self, case: CaseIndex) -> Option<Verdict> {
        let missing = self.lab.log.missing(case)?;
        let others = self.lab.log.suspects().filter(|other| *other != case);
        let same: Vec<_> = others.filter(|other| self.lab.log.missing(*other).as_ref() == Some(&missing)).collect();
        if same.is_empty() {
            return None;
        }
        let all = self.lab.log.tally(case);
        let verdict = self.verdict(Lie::Environment, case, Compared { with: all, without: all });
        Some(Verdict { culprits: vec![self.names(&same)], ..self.shown_by(verdict, &[vec![case]]) })
    }

    /// Nothing was found that it depends on.
    fn unexplained(&self, case: CaseIndex) -> Verdict {
        if let Some(verdict) = self.shared_cause(case) {
            return verdict;
        }
        let all = self.lab.log.tally(case);
        let verdict = self.verdict(Lie::Flaky, case, Compared { with: all, without: all });
        Verdict { correlates: self.correlates(case), ..self.shown_by(verdict, &[vec![case]]) }
    }

    /// There was no time for experiments.
    pub(super) fn unexamined(&self, case: CaseIndex) -> Verdict {
        let all = self.lab.log.tally(case);
        let verdict = self.verdict(Lie::Unexamined, case, Compared { with: all, without: all });
        // Alone it may never fail: what ran before it when it did is all that is known.
        let seen = self.lab.log.contexts(case, Run::Failed).into_iter().next();
        let lanes = match seen {
            Some(Context { mut probe, spot }) if spot.position < LONGEST_SHOWN && probe.lanes.len() == 1 => {
                probe.lanes[spot.lane].truncate(spot.position + 1);
                probe.lanes
            }
            _ => vec![vec![case]],
        };
        self.shown_by(verdict, &lanes)
    }

    /// Rates of flaky tests are those of all runs, also of those after the verdict.
    pub(super) fn refresh_rates(&mut self) {
        let cases: Vec<_> = self.verdicts.keys().copied().collect();
        for case in cases {
            let (all, correlates) = (self.lab.log.tally(case), self.correlates(case));
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

    /// What the failures of a flaky test go along with.
    fn correlates(&self, case: CaseIndex) -> Vec<String> {
        let log = &self.lab.log;
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
        if let Some((failed, passed)) = log.lengths(case).filter(|(failed, passed)| *failed > *passed * 3) {
            words.push(format!("when it is slow: {failed:.1?} against {passed:.1?} (medians)"));
        }
        if let Some(phase) = log.first_failure(case).and_then(|sighting| sighting.phase) {
            words.push(format!("in {phase}"));
        }
        words
    }

    fn verdict(&self, lie: Lie, case: CaseIndex, compared: Compared) -> Verdict {
        let confidence = match lie {
            Lie::Victim | Lie::Brittle | Lie::NotIdempotent | Lie::Contention => {
                probability_that_greater(compared.with, compared.without)
            }
            // It was seen to fail.
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
            message: self.lab.log.first_failure(case).map(|sighting| sighting.message.clone()).unwrap_or_default(),
            correlates: Vec::new(),
        }
    }

    fn shown_by(&self, verdict: Verdict, lanes: &[Vec<CaseIndex>]) -> Verdict {
        Verdict { lanes: lanes.iter().map(|lane| self.names(lane)).collect(), ..verdict }
    }
}

/// A failure behind more tests than this is shown alone where it was not examined: nobody would read the command.
const LONGEST_SHOWN: usize = 50;

/// How often a condition must be tried before a pass means that it does not make the test fail.
fn repeats(with: Tally) -> u32 {
    if with.passes() == 0 { 1 } else { with.repeats_to_trust_a_pass(Confidence::P99).clamp(2, 12) }
}

/// How often it must run to be seen to fail.
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
