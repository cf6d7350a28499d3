//! Generates random histories: sequences of statements that tests execute on their databases, correctly or not.
//!
//! The run's seed and a number determine a history, so all isolations get the same histories, and `--seed` repeats them.

/// The actions of one test.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) actions: Vec<Action>,
}

/// Some statements, and the way in which they are executed. Many of them fail, alone or after another one, and that is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) way: Way,
    pub(crate) statements: Vec<String>,
}

/// How statements are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each statement on any connection of the pool.
    Pool,
    /// All statements on one connection of the pool.
    Connection,
    Committed,
    RolledBack,
    /// On a separate connection outside of the pool, which is dropped without being closed.
    Separate,
    /// On two connections of the pool at the same time.
    Two,
    /// In a task that is still running when the test is over.
    Late,
}

/// The ways, each as often as its probability requires.
const WAYS: [Way; 12] = [
    Way::Pool,
    Way::Pool,
    Way::Pool,
    Way::Pool,
    Way::Connection,
    Way::Connection,
    Way::Connection,
    Way::Committed,
    Way::RolledBack,
    Way::Separate,
    Way::Two,
    Way::Late,
];

impl History {
    /// Generates the history of a number. `$n` in a statement becomes a number from 1 to 5. A statement that the isolation cannot revert is
    /// generated too, but left out, so that the rest is the same for all isolations.
    pub(crate) fn draw<R: Copy>(
        seed: u64,
        number: u64,
        statements: &[(R, &[&str])],
        can_revert: impl Fn(Way, R) -> bool,
    ) -> Self {
        let mut random = Random(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let all: Vec<(R, &str)> =
            statements.iter().flat_map(|(reach, list)| list.iter().map(|sql| (*reach, *sql))).collect();
        let mut actions = Vec::new();
        for _ in 0..=random.below(5) {
            let way = WAYS[random.below(WAYS.len())];
            let mut statements = Vec::new();
            for _ in 0..=random.below(2) {
                let (reach, sql) = all[random.below(all.len())];
                let sql = sql.replace("$n", &(1 + random.below(5)).to_string());
                if can_revert(way, reach) {
                    statements.push(sql);
                }
            }
            if !statements.is_empty() {
                actions.push(Action { way, statements });
            }
        }
        Self { actions }
    }

    /// Prints the history, so that the output of a test shows what happened before the next test failed.
    #[allow(
        clippy::print_stdout,
        reason = "the output is captured, and shown if a test fails; unit tests may print anyway"
    )]
    pub(crate) fn show(&self, number: u64, database: &str) {
        println!("history {number} in {database}:");
        for Action { way, statements } in &self.actions {
            println!("  {way:?}: {}", statements.join("; "));
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }
}
