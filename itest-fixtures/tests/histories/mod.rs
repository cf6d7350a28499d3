//! Generated histories: what tests do to their databases, well or badly.
//!
//! A history is known by the run's seed and its number, so that every isolation is shown the same ones; `--seed` repeats them.

/// What one test does.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) acts: Vec<Act>,
}

/// Some statements, and how they are run. Much of what is drawn fails, alone or after something else, and may.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) way: Way,
    pub(crate) statements: Vec<String>,
}

/// How statements are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each on whatever connection the pool has.
    Pool,
    /// All on one connection of the pool.
    Connection,
    Committed,
    RolledBack,
    /// Past the pool, in a session that is not closed in any good manner.
    Own,
    /// On two connections of the pool at once.
    Two,
    /// In a task that nobody waits for, when the test is over.
    Late,
}

/// As often as they are drawn.
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
    Way::Own,
    Way::Two,
    Way::Late,
];

impl History {
    /// The history of a number; `$n` in a statement is a number from 1 to 5. What the isolation does not hold is drawn, too, and left
    /// out.
    pub(crate) fn draw<R: Copy>(
        seed: u64,
        number: u64,
        statements: &[(R, &[&str])],
        holds: impl Fn(Way, R) -> bool,
    ) -> Self {
        let mut numbers = Numbers(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let all: Vec<(R, &str)> =
            statements.iter().flat_map(|(reach, list)| list.iter().map(|sql| (*reach, *sql))).collect();
        let mut acts = Vec::new();
        for _ in 0..=numbers.below(5) {
            let way = WAYS[numbers.below(WAYS.len())];
            let mut statements = Vec::new();
            for _ in 0..=numbers.below(2) {
                let (reach, sql) = all[numbers.below(all.len())];
                let sql = sql.replace("$n", &(1 + numbers.below(5)).to_string());
                if holds(way, reach) {
                    statements.push(sql);
                }
            }
            if !statements.is_empty() {
                acts.push(Act { way, statements });
            }
        }
        Self { acts }
    }

    /// In words, for whoever asks what came before a failure.
    #[expect(clippy::print_stdout, reason = "it is captured, and shown where a test fails")]
    pub(crate) fn show(&self, number: u64, database: &str) {
        println!("history {number} in {database}:");
        for Act { way, statements } in &self.acts {
            println!("  {way:?}: {}", statements.join("; "));
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
struct Numbers(u64);

impl Numbers {
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
