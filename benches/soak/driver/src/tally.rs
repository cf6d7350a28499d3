//! The results of all rounds, in numbers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use figures::{Samples, Table};

use crate::action::{Action, Hit};
use crate::round::{Round, Runner};
use crate::stage::Stage;

/// The time after the death of its supervisor in which a run must give everything back, in addition to the time of its teardown functions.
const MAX_RECOVERY_TIME: Duration = Duration::from_secs(1);

/// The results of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rounds: usize,
    beside: usize,
    under_nextest: usize,
    actions: BTreeMap<Action, Row>,
    /// The number of acquired resources of each kind.
    taken: BTreeMap<String, usize>,
    cleared: Samples,
    findings: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    rounds: usize,
    hits: usize,
    before_next_start: usize,
    findings: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, round: &Round, stage: &Stage) {
        self.rounds += 1;
        self.beside += usize::from(round.beside);
        self.under_nextest += usize::from(round.runner == Runner::Nextest);
        let row = self.actions.entry(round.action).or_default();
        row.rounds += 1;
        row.hits += usize::from(round.hit == Hit::Done);
        row.before_next_start += round.before_next_start.unwrap_or(0);
        row.findings += round.findings.len();
        self.findings += round.findings.len();
        if let Some(cleared) = round.cleared {
            self.cleared.add(cleared);
        }
        for kind in fs::read_to_string(stage.journal()).unwrap_or_default().lines() {
            *self.taken.entry(kind.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds
    }

    pub(crate) fn findings(&self) -> usize {
        self.findings
    }

    /// Whether there were no findings, and every recovery was fast enough.
    pub(crate) fn is_clean(&self) -> bool {
        self.findings == 0 && self.cleared.above(MAX_RECOVERY_TIME) == 0
    }

    pub(crate) fn markdown(&self, seed: u64) -> String {
        let mut text = format!(
            "{} rounds, seed {seed}: {} of them under cargo-nextest, {} with a second run.\n\n",
            self.rounds, self.under_nextest, self.beside
        );
        let mut table = Table::new(&["action", "rounds", "in time", "removed by the next start", "findings"]);
        let mut sum = Row::default();
        for (action, row) in &self.actions {
            table.row(cells(&action.to_string(), *row));
            sum.rounds += row.rounds;
            sum.hits += row.hits;
            sum.before_next_start += row.before_next_start;
            sum.findings += row.findings;
        }
        table.row(cells("**all**", sum));
        let _ = writeln!(text, "{table}");
        let mut table = Table::new(&["resource", "acquired"]);
        for (kind, times) in self.taken.iter().filter(|(kind, _)| *kind != "nothing") {
            table.row([Some(kind.replace('_', " ")), Some(times.to_string())]);
        }
        let taken: usize = self.taken.iter().filter(|(kind, _)| *kind != "nothing").map(|(_, times)| times).sum();
        table.row([Some("**all**".to_owned()), Some(taken.to_string())]);
        let _ = writeln!(text, "{table}");
        let _ = writeln!(
            text,
            "From SIGKILL of the supervisor under cargo test until nothing is left, {} times: median {:.0?}, at most {:.0?}, longer than {MAX_RECOVERY_TIME:?} {} \
             times.",
            self.cleared.count(),
            self.cleared.median(),
            self.cleared.most(),
            self.cleared.above(MAX_RECOVERY_TIME),
        );
        text
    }
}

fn cells(name: &str, row: Row) -> [Option<String>; 5] {
    let numbers = [row.rounds, row.hits, row.before_next_start, row.findings];
    let [rounds, hits, before, findings] = numbers.map(|number| Some(number.to_string()));
    [Some(name.to_owned()), rounds, hits, before, findings]
}
