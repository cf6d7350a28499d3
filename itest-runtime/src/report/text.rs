//! Formats words, numbers and colours in the same way for all reports for people.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::ColorMode;
use crate::model::{FaultExecution, Seed, ShardBy, ShardFacts, Sweep, TestId};

/// A text style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Green,
    Red,
    Yellow,
    Bold,
    Dim,
}

/// A text with a style, which is written only if the report has colours.
pub(super) struct Styled<T>(pub(super) ColorMode, pub(super) Style, pub(super) T);

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mode, style, text) = self;
        if *mode == ColorMode::Plain {
            return text.fmt(formatter);
        }
        let code = match style {
            Style::Green => 32,
            Style::Red => 31,
            Style::Yellow => 33,
            Style::Bold => 1,
            Style::Dim => 2,
        };
        write!(formatter, "\x1b[{code}m{text}\x1b[0m")
    }
}

/// Describes the resources that were released for dead runs.
#[must_use]
pub(crate) fn swept_in_words(swept: &Sweep) -> String {
    match swept.sessions {
        0 => "no dead run has left anything".to_owned(),
        sessions => {
            let resources = count(swept.recovered.given_back, "resource");
            format!("gave back {resources} of {}", count(sessions, "dead run"))
        }
    }
}

/// Describes how many kept services were ended, and how many stay because a run uses them. `None` if there were none.
pub(crate) fn ended_services_in_words(ended: usize, in_use: usize) -> Option<String> {
    let ended = (ended > 0).then(|| format!("ended {}", count(ended, "kept service")));
    let in_use = (in_use > 0).then(|| format!("left {} to the runs that use them", count(in_use, "kept service")));
    let sentences: Vec<_> = ended.into_iter().chain(in_use).collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

/// Describes the shard that runs here, why, and what the other shards run.
pub(super) fn shard_in_words(facts: &ShardFacts, selected: usize) -> String {
    let ShardFacts { shard, by, source, left_to_others, .. } = facts;
    let by = match by {
        ShardBy::Hash => "names",
        ShardBy::Durations => "past durations",
    };
    let (index, count) = (shard.index(), shard.count());
    let others = match left_to_others {
        1 => "1 test is left to the others".to_owned(),
        number => format!("{number} tests are left to the others"),
    };
    let own = if selected == 0 { "no test is assigned to it, which is not a failure; " } else { "" };
    let source = if source.is_empty() { String::new() } else { format!(", as {source} says") };
    format!("shard {index} of {count} by {by}{source}: {own}{others}")
}

/// Formats a duration with about three digits.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 100.0 {
        format!("{}m {:02}s", duration.as_secs() / 60, duration.as_secs() % 60)
    } else if seconds >= 1.0 {
        format!("{seconds:.2}s")
    } else if seconds >= 0.001 {
        format!("{:.1}ms", seconds * 1e3)
    } else {
        format!("{:.0}us", seconds * 1e6)
    }
}

/// Formats a count and its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The commands that run tests again: a single test, or the whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The part of the command before the harness's arguments: `cargo test -p shop --test integration --`.
    pub program: String,
    /// The user's arguments, without those that set a seed.
    pub arguments: Vec<String>,
    /// The subset of these arguments that a single test needs to end in the same way: limits, `--include-ignored`.
    pub of_one_test: Vec<String>,
}

impl Repeat {
    /// The command that runs one test again.
    pub(super) fn test(&self, id: &TestId, seed: Seed) -> String {
        let [before, after] = self.around_name_of_test();
        format!("{before}{}{after} --seed {seed}", quote(id.as_str()))
    }

    /// The command that runs one test again, before and after the quoted name of the test. The seed follows.
    pub(super) fn around_name_of_test(&self) -> [String; 2] {
        let words =
            self.of_one_test.iter().map(|argument| format!(" {}", quote(argument))).collect::<Vec<_>>().concat();
        [format!("{} --exact ", self.program), words]
    }

    /// The command that runs tests in lanes, repeated often enough that a failure is expected.
    pub(super) fn lanes(&self, lanes: &[Vec<TestId>], repeats: u32) -> String {
        let names = |lane: &Vec<TestId>| lane.iter().map(TestId::as_str).collect::<Vec<_>>().join(" ");
        let lanes = lanes.iter().map(|lane| format!(" --lane {}", quote(&names(lane))));
        let own = self.of_one_test.iter().filter(|argument| *argument != "--include-ignored");
        let words = lanes.chain(own.map(|argument| format!(" {}", quote(argument)))).collect::<String>();
        let repeats = if repeats > 1 { format!(" --repeat {repeats} --until-fail") } else { String::new() };
        format!("{}{words}{repeats}", self.program)
    }

    /// The command that runs a test with a fault.
    pub(super) fn fault(&self, test: &TestId, seed: Seed, execution: &FaultExecution) -> String {
        let FaultExecution { fault, limit, .. } = execution;
        let replaced = ["--timeout=", "--leaks="];
        let is_other = |argument: &&String| !replaced.iter().any(|flag| argument.starts_with(flag));
        let own = Self { of_one_test: self.of_one_test.iter().filter(is_other).cloned().collect(), ..self.clone() };
        let limit = limit.map_or_else(String::new, |limit| format!(" --timeout {}ms", limit.as_millis()));
        format!("{}{limit} --leaks fail --fault {}", own.test(test, seed), quote(&fault.to_string()))
    }

    /// The command that repeats a recorded run, with the same tests in the same workers.
    pub(super) fn replay(&self, record: &Path) -> String {
        format!("{} --replay {}", self.program, quote(&record.to_string_lossy()))
    }

    /// The command that repeats the whole run, in the same order.
    pub(super) fn run(&self, seed: Seed) -> String {
        let words = self.arguments.iter().map(|argument| quote(argument));
        let words: Vec<_> = std::iter::once(self.program.clone()).chain(words).collect();
        format!("{} --seed {seed}", words.join(" "))
    }
}

/// Quotes a word for a shell, if necessary.
#[must_use]
pub fn quote(word: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_=:,./+@%^".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_about_three_digits() {
        let times = [1_u64, 900, 1_500, 34_000, 1_234_000, 75_000_000, 125_000_000];
        let shown: Vec<_> = times.iter().map(|micros| time(Duration::from_micros(*micros))).collect();
        assert_eq!(shown, ["1us", "900us", "1.5ms", "34.0ms", "1.23s", "75.00s", "2m 05s"]);
    }

    #[test]
    fn arguments_are_quoted_for_the_shell() {
        let repeat = Repeat {
            program: "cargo test --".to_owned(),
            arguments: vec!["--tag".into(), "a & !b's".into()],
            of_one_test: vec!["--timeout".into(), "1s".into()],
        };
        assert_eq!(repeat.run(Seed(7)), r"cargo test -- --tag 'a & !b'\''s' --seed 7");
        assert_eq!(repeat.test(&TestId::new("a::b"), Seed(7)), "cargo test -- --exact a::b --timeout 1s --seed 7");
    }
}
